package opencv

import (
	"context"
	"errors"
	"io"
	"time"

	"deixis/camera"
)

// Range tells of a source that was opened with Options.From or Options.To.
type Range struct {
	// Before is the place of the frame before the first one, known once a frame was read;
	// zero where there is none, and of pictures. Its Seq counts from where reading began.
	Before camera.Place
	// Jumped says that reading began in the middle of a file. Then an error of Next, or a
	// Before that is not where another reader ended, asks for Options.Whole.
	Jumped bool
	Ended  bool // it was read to the end of the recording, not to Options.To
}

// A span is the state of a Capture that reads a range of a file.
type span struct {
	Range
	begun bool
	over  bool         // To was met
	prior camera.Frame // the last one before From
}

// Range tells of Options.From and To.
func (c *Capture) Range() Range { return c.span.Range }

// jumped takes over a reader that was told to jump. One that did not, or failed with err,
// is opened again to read from the beginning.
func (c *Capture) jumped(ctx context.Context, err error) error {
	if err == nil {
		if h, ok := c.s.h.(finder); ok {
			if base, found := h.Found(); found {
				c.start, c.base, c.last = time.Now(), base, -1
				c.span.Jumped = true
				return nil
			}
		}
	}
	return c.fromBeginning(ctx)
}

func (c *Capture) fromBeginning(ctx context.Context) error {
	c.o.Whole, c.span, c.start, c.seq = true, span{}, time.Time{}, 0
	c.o.Log.Debug("reading from the beginning up to where a range begins", "source", c.ref.String(), "from", c.o.From)
	return c.reopen(ctx)
}

// nextWithin is next within the range that is read.
func (c *Capture) nextWithin(ctx context.Context, f *camera.Frame) error {
	s := &c.span
	if s.over {
		return io.EOF
	}
	err := c.next(ctx, f)
	for !s.begun && ctx.Err() == nil {
		if s.Jumped && c.unsure(f, err) {
			if err = c.fromBeginning(ctx); err != nil {
				return err
			}
			err = c.next(ctx, f)
			continue
		}
		if err != nil || f.PTS >= c.o.From {
			break
		}
		*f, s.prior = s.prior, *f
		err = c.next(ctx, f)
	}
	if !s.begun && ctx.Err() == nil {
		s.begun = true
		if s.prior.Seq > 0 {
			s.Before = camera.Place{Seq: s.prior.Seq, PTS: s.prior.PTS, Sum: s.prior.Checksum()}
		}
		s.prior = camera.Frame{}
	}
	switch {
	case errors.Is(err, io.EOF):
		s.Ended = true
	case err == nil && c.o.To > 0 && f.PTS >= c.o.To:
		s.over = true
		return io.EOF
	}
	return err
}

// unsure says whether what came after a jump may not be what is there: an error, or frames
// too close to the one that is looked for.
func (c *Capture) unsure(f *camera.Frame, err error) bool {
	return err != nil || c.here == 1 && f.PTS > c.o.From-enough
}
