package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"deixis/pipeline"
)

// An output is a pipeline.Output with its mailbox and what became of it.
type output struct {
	pipeline.Output
	box    *mailbox
	line   *Line
	inLine bool // shown by the line itself, every frame of a recording

	mu            sync.Mutex
	shown, errors uint64
	err           error // the newest
	over          bool  // it gets no more frames
	told          bool  // its failing was told, and it has not shown anything since
}

// hand shows f in line, or leaves it in the output's mailbox. Its error ends the
// line.
func (o *output) hand(ctx context.Context, f *sharedFrame, views []pipeline.View) error {
	if o.ended() {
		return nil
	}
	if o.Needs == pipeline.NoPixels {
		f = header(f)
		defer f.release()
	}
	if !o.inLine {
		o.box.put(f, views)
		return nil
	}
	return o.show(ctx, f, views)
}

// run shows what comes into the mailbox, on the output's own goroutine, until it
// has ended or ctx ends. Its error ends the line.
func (o *output) run(ctx context.Context) error {
	for !o.ended() {
		f, views, err := o.box.take(ctx)
		if err != nil {
			return err
		}
		err = o.show(ctx, f, views)
		f.release()
		if err != nil {
			return err
		}
	}
	return nil
}

// show shows one frame and judges the error. What it returns ends the line.
func (o *output) show(ctx context.Context, f *sharedFrame, views []pipeline.View) error {
	start := time.Now()
	err := o.To.Show(ctx, &f.Frame, views)
	if err == nil {
		o.line.times.Add(pipeline.StageShow, time.Since(start))
		o.mu.Lock()
		defer o.mu.Unlock()
		o.shown, o.told = o.shown+1, false
		return nil
	}
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return err
	case errors.Is(err, io.EOF):
		o.count(err)
		o.line.c.Log.Info("output has ended: its reader has left", "output", o.Name)
		o.end(nil)
		return nil
	case o.OnError == pipeline.End:
		o.count(err)
		return fmt.Errorf("%s: %w", o.Name, err)
	case o.OnError == pipeline.Drop:
		o.count(err)
		o.line.c.Log.Error("output failed and gets no more frames; the rest goes on", "output", o.Name, "err", err)
		o.end(err)
		return nil
	}
	if first := o.count(err); first {
		o.line.c.Log.Warn("output fails and is tried with each frame; the rest goes on", "output", o.Name, "err", err)
	}
	return nil
}

// count notes an error, and says whether it is the first since a frame was shown.
func (o *output) count(err error) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first = !o.told
	o.errors, o.err, o.told = o.errors+1, err, true
	return first
}

// end hands the output no more frames. The last one to end ends the line.
func (o *output) end(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return
	}
	o.over, o.err = true, err
	if o.line.living.Add(-1) == 0 && o.line.c.Window == nil {
		close(o.line.enough)
	}
}

func (o *output) ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

// failed is why the output was dropped; nil where it was not.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.OnError != pipeline.Drop || o.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", o.Name, o.err)
}

// stats says how the output is doing.
func (o *output) stats() pipeline.OutputStats {
	s := pipeline.OutputStats{Name: o.Name, Skipped: o.box.skipped()}
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Shown, s.Errors, s.Ended = o.shown, o.errors, o.over
	if o.err != nil {
		s.Err = o.err.Error()
	}
	return s
}

// Outputs says how each of the line's outputs is doing, in the order of Config.
func (l *Line) Outputs() []pipeline.OutputStats {
	var all []pipeline.OutputStats
	for _, o := range l.outputs {
		all = append(all, o.stats())
	}
	return all
}
