package pipeline

import (
	"context"
	"errors"
	"io"
	"time"

	"deixis/camera"
)

// Paced gives the frames of a recording at the speed they were taken. It
// belongs to one goroutine.
type Paced struct {
	From Source

	start time.Time
}

// Next waits until the frame is due. A source that comes late is not hurried:
// the frames after it keep their distance.
func (p *Paced) Next(ctx context.Context, f *camera.Frame) error {
	if err := p.From.Next(ctx, f); err != nil {
		return err
	}
	now := time.Now()
	wait := p.start.Add(f.PTS).Sub(now)
	if p.start.IsZero() || wait < 0 {
		p.start = now.Add(-f.PTS)
	} else if err := camera.Sleep(ctx, wait); err != nil {
		return err
	}
	f.At = time.Now()
	return nil
}

// Held goes on with the last picture when its source is dry, so that a person
// can look at it and ask about it. It belongs to one goroutine.
type Held struct {
	From Source

	last camera.Frame
	dry  bool
}

// heldFor is the time from one repetition to the next.
const heldFor = 100 * time.Millisecond

// Next repeats the last frame, numbered on, ten times a second. A source
// without any frame is io.EOF. One that could not be read as a whole,
// camera.ErrNoPicture, is dry too: who looks still sees the rest.
func (h *Held) Next(ctx context.Context, f *camera.Frame) error {
	if !h.dry {
		err := h.From.Next(ctx, f)
		if err == nil {
			f.CopyTo(&h.last)
			return nil
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, camera.ErrNoPicture) || h.last.Seq == 0 {
			return err
		}
		h.dry = true
	}
	if err := camera.Sleep(ctx, heldFor); err != nil {
		return err
	}
	h.last.Seq++
	h.last.PTS += heldFor
	h.last.At = time.Now()
	h.last.CopyTo(f)
	return nil
}
