package line

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"deixis/camera"
)

// counting is a source of numbered frames, one every few milliseconds.
type counting struct{ n, most uint64 }

func (c *counting) Next(ctx context.Context, f *camera.Frame) error {
	if c.n == c.most {
		return io.EOF
	}
	c.n++
	f.Resize(2, 1)
	f.Seq, f.At, f.Pix[0] = c.n, time.Now(), byte(c.n)
	return camera.Sleep(ctx, 5*time.Millisecond)
}

func TestGate(t *testing.T) {
	for name, tt := range map[string]struct {
		drain       bool
		after, most uint64 // the number of the first frame when it goes on
	}{
		"a camera goes on without us": {true, 8, 1000},
		"a recording waits":           {false, 7, 7},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Gate{From: &counting{most: 1000}, Drain: tt.drain}
			var f camera.Frame
			next := func() {
				t.Helper()
				if err := g.Next(t.Context(), &f); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				next()
			}
			g.Pause(true)
			if !g.Paused() {
				t.Error("it does not know that it is paused")
			}
			next()
			for i := range uint64(2) { // the picture that stands comes again, numbered on, as of now
				before := time.Now()
				if next(); f.Seq != 5+i || f.Pix[0] != 4 || f.At.Before(before) {
					t.Errorf("frame %d comes again as of %v ago", f.Seq, time.Since(f.At))
				}
			}
			g.Pause(false)
			if next(); f.Seq < tt.after || f.Seq > tt.most {
				t.Errorf("it goes on with frame %d, want %d to %d", f.Seq, tt.after, tt.most)
			}
		})
	}
}

func TestGateOfARecordingThatIsKept(t *testing.T) {
	g := &Gate{From: &counting{most: 5}, Withhold: true}
	g.Pause(true)
	const long = 150 * time.Millisecond
	began := time.Now()
	time.AfterFunc(long, func() { g.Pause(false) })
	var f camera.Frame
	if err := g.Next(t.Context(), &f); err != nil || f.Seq != 1 || time.Since(began) < long {
		t.Errorf("paused for %v, frame %d comes after %v: %v", long, f.Seq, time.Since(began), err)
	}
}

func TestGateSettles(t *testing.T) {
	g := &Gate{From: &counting{most: 3}}
	g.Pause(true)
	var f camera.Frame
	if err := g.Next(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	g.until = time.Now() // settled
	ctx, stop := context.WithTimeout(t.Context(), 3*standing)
	defer stop()
	if err := g.Next(ctx, &f); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a picture that has settled comes again: %v", err)
	}
	g.Nudge()
	if err := g.Next(t.Context(), &f); err != nil || f.Seq != 2 {
		t.Errorf("asked something new, frame %d comes: %v", f.Seq, err)
	}
	g.Pause(false)
	for range 2 {
		if err := g.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Next(t.Context(), &f); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}
