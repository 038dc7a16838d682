package line

import (
	"context"
	"errors"
	"io"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// Paced gives the frames of a recording at the speed they were taken. It
// belongs to one goroutine.
type Paced struct {
	From pipeline.Source

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

// RepeatLast goes on with the last picture when its source is dry, so that a person
// can look at it and ask about it. It belongs to one goroutine.
type RepeatLast struct {
	From pipeline.Source

	last camera.Frame
	dry  bool
}

// repeatEvery is the time from one repetition to the next.
const repeatEvery = 100 * time.Millisecond

// Next repeats the last frame, numbered on, ten times a second. A source
// without any frame is io.EOF. One that could not be read as a whole,
// camera.ErrNoPicture, is dry too: who looks still sees the rest.
func (r *RepeatLast) Next(ctx context.Context, f *camera.Frame) error {
	if !r.dry {
		err := r.From.Next(ctx, f)
		if err == nil {
			f.CopyTo(&r.last)
			return nil
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, camera.ErrNoPicture) || r.last.Seq == 0 {
			return err
		}
		r.dry = true
	}
	if err := camera.Sleep(ctx, repeatEvery); err != nil {
		return err
	}
	r.last.Seq++
	r.last.PTS += repeatEvery
	r.last.At = time.Now()
	r.last.CopyTo(f)
	return nil
}
