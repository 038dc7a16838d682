package pipeline

import (
	"context"
	"sync"
	"time"

	"deixis/camera"
)

// Alarm is Events that also says when the source is lost: who steers by boxes
// must not wait for a frame to learn that there are none. Any goroutine may
// call it.
type Alarm struct {
	Events
	Lost func() bool // whether the source is away

	mu    sync.Mutex
	last  camera.Frame // the newest, without its pixels; Seq 0 before the first
	views []View
}

// alarmEvery is how soon a loss is told.
const alarmEvery = 200 * time.Millisecond

// Show writes the lines of one frame, as Events does.
func (a *Alarm) Show(ctx context.Context, f *camera.Frame, views []View) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.views = *f, views
	a.last.Pix = nil
	return a.Events.Show(ctx, f, views)
}

// Watch tells each loss until ctx ends: every phrase is lost, on the last frame
// that there was. Its error is that of the writer.
func (a *Alarm) Watch(ctx context.Context) error {
	tick := time.NewTicker(alarmEvery)
	defer tick.Stop()
	was := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		is := a.Lost()
		if is && !was {
			if err := a.tell(ctx); err != nil {
				return ended(err)
			}
		}
		was = is
	}
}

func (a *Alarm) tell(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lost []View
	for _, v := range a.views {
		lost = append(lost, View{Phrase: v.Phrase, State: Lost, Track: v.Track, Age: time.Since(a.last.At)})
	}
	if a.last.Seq == 0 {
		return nil
	}
	return a.Events.Show(ctx, &a.last, lost)
}
