package line

import (
	"context"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// underWay is how many frames of a recording are on their way at once beside those
// that are answered: one is read, one waits for an answer, one has its own early
// and one is shown.
const underWay = 4

// A work is one frame of a recording on its way down the line. Its err ends the
// line when it gets to the end, after all frames before it.
type work struct {
	frame   *sharedFrame
	asked   bool // it is to be answered
	answers []model.Answer
	took    time.Duration
	err     error
	done    chan struct{} // told when there is an answer, or an error
}

// Recording takes every frame in turn: nothing is dropped on the way to the window
// and to outputs that want every frame, and the answers shown on a frame are its
// own. Reading, answering and showing go on at the same time, each on its own
// frame, and several are answered at once. It ends as Live does.
func (l *Line) Recording(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stages, ctx := l.begin(ctx, true)
	most := l.c.Parallel + underWay
	free, read, inTurn := make(chan *work, most), make(chan *work, 1), make(chan *work, most)
	for range most {
		free <- &work{done: make(chan struct{}, 1)}
	}
	// Their errors come down the line: frames that are under way are still shown.
	stages.Go(func() error { l.readAll(ctx, free, read, inTurn); return nil })
	for range l.c.Parallel {
		stages.Go(func() error { l.answerAll(ctx, read); return nil })
	}
	err := l.showAll(ctx, inTurn, free)
	stop()
	return l.end(stages.Wait(), err)
}

// readAll reads frames into works that are free until one fails, and hands each
// to whoever answers next and, in their order, to the one who shows.
func (l *Line) readAll(ctx context.Context, free <-chan *work, read, inTurn chan<- *work) {
	for {
		var w *work
		select {
		case w = <-free:
		case <-ctx.Done():
			return
		}
		w.frame = l.pool.get()
		w.err, w.answers = l.next(ctx, &w.frame.Frame), nil
		if w.err == nil {
			if w.asked = l.c.Ask == nil || l.c.Ask(&w.frame.Frame); w.asked {
				w.err = l.prepare(&w.frame.Frame)
			}
		}
		inTurn <- w // there is room for all
		if w.err != nil {
			w.done <- struct{}{}
			return
		}
		if !w.asked {
			w.done <- struct{}{}
			continue
		}
		select {
		case read <- w:
		case <-ctx.Done():
			return
		}
	}
}

func (l *Line) answerAll(ctx context.Context, read <-chan *work) {
	for {
		select {
		case w := <-read:
			w.answers, w.took, w.err = l.answer(ctx, &w.frame.Frame)
			w.done <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}

func (l *Line) showAll(ctx context.Context, inTurn <-chan *work, free chan<- *work) error {
	for {
		var w *work
		select {
		case w = <-inTurn:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-w.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if w.err != nil {
			return w.err
		}
		views, err := l.judge(w)
		if err == nil {
			err = l.present(ctx, w.frame, views)
		}
		w.frame.release()
		if err != nil {
			return err
		}
		free <- w // there is room for all
	}
}

// judge hands what was answered to Config.Answered, or to the lock, whose views it
// returns.
func (l *Line) judge(w *work) ([]pipeline.View, error) {
	f := &w.frame.Frame
	if l.c.Answered == nil {
		l.update(w.answers, f, w.took)
		return l.viewsOf(f), nil
	}
	if len(w.answers) > 0 {
		l.tookFor(w.answers, w.took)
	}
	return nil, l.c.Answered(f, w.answers)
}

// viewsOf are the views on a frame by its own answers: however long it waited
// for an output, they are not stale.
func (l *Line) viewsOf(f *camera.Frame) []pipeline.View {
	views := l.targets.Views(f.At)
	for i := range views {
		if v := &views[i]; v.Seq > 0 {
			v.Age = max(0, time.Since(f.At))
		}
	}
	return views
}
