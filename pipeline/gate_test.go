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
	return pause(ctx, 5*time.Millisecond)
}

func TestGate(t *testing.T) {
	for name, tt := range map[string]struct {
		drain, still bool
		after        uint64 // the least number of the frame after a pause of 150 ms
		most         uint64 // and the greatest
	}{
		"a camera goes on without us": {true, false, 20, 60},
		"a recording waits":           {false, false, 5, 5},
		"a recording that is kept":    {false, true, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Gate{From: &counting{most: 1000}, Drain: tt.drain, Still: tt.still}
			next := func() (f camera.Frame) {
				t.Helper()
				if err := g.Next(t.Context(), &f); err != nil {
					t.Fatal(err)
				}
				return f
			}
			for range 3 {
				next()
			}
			g.Pause(true)
			if !g.Paused() {
				t.Error("it does not know that it is paused")
			}
			time.AfterFunc(150*time.Millisecond, func() { g.Pause(false) })
			began := time.Now()
			f, repeated := next(), 0
			for !tt.still && f.Seq == 4 {
				if f.Pix[0] != 4 || time.Since(f.At) > 50*time.Millisecond {
					t.Errorf("frame %d of %v ago stands", f.Pix[0], time.Since(f.At))
				}
				f = next()
				repeated++
			}
			if f.Seq < tt.after || f.Seq > tt.most || time.Since(began) < 140*time.Millisecond {
				t.Errorf("frame %d comes after %v, want %d to %d", f.Seq, time.Since(began), tt.after, tt.most)
			}
			if !tt.still && repeated < 2 {
				t.Errorf("the picture that stands came %d times", repeated)
			}
		})
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
