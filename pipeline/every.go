package pipeline

import (
	"context"
	"errors"
	"time"

	"deixis/camera"
)

// ahead is how many frames of a recording are under way at once: one is read,
// one waits, one is answered, one waits, one is shown.
const ahead = 5

// A work is one frame of a recording on its way down the line. Its err ends the
// line when it gets to the end, after all frames before it.
type work struct {
	frame camera.Frame
	views []View
	err   error
}

// RunEvery takes every frame in turn: nothing is dropped on the way to To, and
// the answers shown on a frame are its own. Reading, answering and showing go
// on at the same time, each on its own frame. It ends as Run does.
func (l *Live) RunEvery(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stages, ctx := l.begin(ctx)
	free, read, answered := make(chan *work, ahead), make(chan *work, 1), make(chan *work, 1)
	for range ahead {
		free <- &work{}
	}
	// Their errors come down the line: frames that are under way are still shown.
	stages.Go(func() error { _ = pass(ctx, free, read, l.readOne); return nil })
	stages.Go(func() error { _ = pass(ctx, read, answered, l.answerOne); return nil })
	err := pass(ctx, answered, free, l.showOne)
	stop()
	return errors.Join(ended(stages.Wait()), ended(err))
}

// pass is one stage: it takes what comes, does its work on it and hands it on,
// until something ended the line.
func pass(ctx context.Context, from <-chan *work, to chan<- *work, do func(context.Context, *work)) error {
	for {
		var w *work
		select {
		case w = <-from:
		case <-ctx.Done():
			return ctx.Err()
		}
		do(ctx, w)
		err := w.err
		select {
		case to <- w:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
		if err != nil {
			return err
		}
	}
}

func (l *Live) readOne(ctx context.Context, w *work) {
	if w.err = l.next(ctx, &w.frame); w.err == nil {
		w.err = l.prepare(&w.frame)
	}
}

func (l *Live) answerOne(ctx context.Context, w *work) {
	if w.err != nil {
		return
	}
	if w.err = l.answer(ctx, &w.frame); w.err == nil {
		w.views = l.targets.views(time.Now())
	}
}

func (l *Live) showOne(ctx context.Context, w *work) {
	if w.err != nil {
		return
	}
	for i := range w.views {
		if v := &w.views[i]; v.Seq > 0 {
			v.Age = max(0, time.Since(w.frame.At))
		}
	}
	w.err = l.present(ctx, &w.frame, w.views)
}
