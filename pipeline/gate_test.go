package pipeline

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
		"a camera goes on without us": {true, 6, 1000},
		"a recording waits":           {false, 5, 5},
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
			for range 2 { // the picture that stands comes again, as of now
				before := time.Now()
				if next(); f.Seq != 4 || f.Pix[0] != 4 || f.At.Before(before) {
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
	g := &Gate{From: &counting{most: 5}, Still: true}
	g.Pause(true)
	const long = 150 * time.Millisecond
	time.AfterFunc(long, func() { g.Pause(false) })
	began := time.Now()
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
	if err := g.Next(t.Context(), &f); err != nil || f.Seq != 1 {
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

func TestHistogram(t *testing.T) {
	var times Timings
	for _, d := range []time.Duration{0, 2 * time.Millisecond, 3 * time.Millisecond, time.Hour} {
		times.Add(Draw, d)
	}
	h := times.Histogram(Draw)
	if h.N != 4 || h.Sum != time.Hour+5*time.Millisecond || h.Counts[0] != 1 || h.Counts[2] != 2 || h.Counts[3] != 3 || h.Counts[len(Bounds)-1] != 3 {
		t.Errorf("%+v", h)
	}
}
