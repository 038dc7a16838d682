package line

import (
	"context"
	"sync"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// Gate lets frames through until somebody pauses it. Then the picture stands:
// a live source is still read, so that it is neither lost nor stale when it
// goes on, and a recording waits. Next belongs to one goroutine; every other
// method may be called from any.
type Gate struct {
	From     pipeline.Source
	Drain    bool // read on while paused, and throw away; for a live source
	Withhold bool // nothing at all comes while paused: every frame is kept somewhere

	mu     sync.Mutex
	paused bool
	until  time.Time     // how long the picture that stands is repeated
	rang   chan struct{} // closed and replaced when something changes

	// These belong to Next.
	stands bool         // last is the picture of this pause
	last   camera.Frame // it
	shown  time.Time    // when it was repeated
	away   camera.Frame // what comes meanwhile
	added  uint64       // repetitions so far: frames are numbered on by so many
}

// The picture that stands is repeated for a moment after each change, so that
// a new phrase is answered on it, and then costs nothing more.
const (
	settles  = 2 * time.Second
	standing = 100 * time.Millisecond
)

// Pause stops the picture, or lets it go on.
func (g *Gate) Pause(on bool) { g.change(func() { g.paused = on }) }

// Paused says whether the picture stands.
func (g *Gate) Paused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused
}

// Nudge repeats the picture that stands, because it is asked something new.
func (g *Gate) Nudge() { g.change(func() {}) }

func (g *Gate) change(what func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	what()
	g.until = time.Now().Add(settles)
	if g.rang != nil {
		close(g.rang)
	}
	g.rang = make(chan struct{})
}

// now is the state, and what is closed when it changes.
func (g *Gate) now() (paused bool, until time.Time, rang <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rang == nil {
		g.rang = make(chan struct{})
	}
	return g.paused, g.until, g.rang
}

// Next is the source's next frame, or, while paused, the one that stands again, with
// the time of its repetition. Numbers rise strictly: a repetition has one of its own.
func (g *Gate) Next(ctx context.Context, f *camera.Frame) error {
	for {
		paused, until, rang := g.now()
		switch {
		case !paused:
			g.stands = false
			err := g.From.Next(ctx, f)
			f.Seq += g.added
			return err
		case !g.stands && !g.Withhold:
			if err := g.From.Next(ctx, &g.last); err != nil {
				return err
			}
			g.last.Seq += g.added
			g.stands, g.shown = true, time.Now()
			g.last.CopyTo(f)
			return nil
		}
		if err := g.idle(ctx, until, rang); err != nil {
			return err
		}
		if now := time.Now(); g.stands && now.Before(until) && now.Sub(g.shown) >= standing {
			g.shown = now
			g.added++
			g.last.Seq++
			g.last.CopyTo(f)
			f.At = now
			return nil
		}
	}
}

// idle passes some time while paused.
func (g *Gate) idle(ctx context.Context, until time.Time, rang <-chan struct{}) error {
	if g.Drain {
		return g.From.Next(ctx, &g.away)
	}
	var again <-chan time.Time
	if g.stands && time.Now().Before(until) {
		t := time.NewTimer(standing)
		defer t.Stop()
		again = t.C
	}
	select {
	case <-rang:
	case <-again:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}
