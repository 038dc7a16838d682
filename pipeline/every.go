package pipeline

import (
	"cmp"
	"context"
	"errors"
	"time"

	"deixis/camera"
	"deixis/model"
)

// DefaultAbreast is how many frames of a recording are answered at once: what
// one leaves of the cores while its threads wait for each other, the other takes.
const DefaultAbreast = 2

// ahead is how many frames of a recording are under way at once beside those
// that are answered: one is read, one waits for an answer, one has its own early
// and one is shown.
const ahead = 4

// A work is one frame of a recording on its way down the line. Its err ends the
// line when it gets to the end, after all frames before it.
type work struct {
	frame   camera.Frame
	answers []model.Answer
	took    time.Duration
	err     error
	done    chan struct{} // told when there is an answer, or an error
}

// RunEvery takes every frame in turn: nothing is dropped on the way to To, and
// the answers shown on a frame are its own. Reading, answering and showing go
// on at the same time, each on its own frame, and several are answered at once.
// It ends as Run does.
func (l *Live) RunEvery(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stages, ctx := l.begin(ctx)
	abreast := cmp.Or(max(0, l.Abreast), DefaultAbreast)
	most := abreast + ahead
	free, read, inTurn := make(chan *work, most), make(chan *work, 1), make(chan *work, most)
	for range most {
		free <- &work{done: make(chan struct{}, 1)}
	}
	// Their errors come down the line: frames that are under way are still shown.
	stages.Go(func() error { l.readAll(ctx, free, read, inTurn); return nil })
	for range abreast {
		stages.Go(func() error { l.answerAll(ctx, read); return nil })
	}
	err := l.showAll(ctx, inTurn, free)
	stop()
	return errors.Join(ended(stages.Wait()), ended(err))
}

// readAll reads frames into works that are free until one fails, and hands each
// to whoever answers next and, in their order, to the one who shows.
func (l *Live) readAll(ctx context.Context, free <-chan *work, read, inTurn chan<- *work) {
	for {
		var w *work
		select {
		case w = <-free:
		case <-ctx.Done():
			return
		}
		if w.err = l.next(ctx, &w.frame); w.err == nil {
			w.err = l.prepare(&w.frame)
		}
		inTurn <- w // there is room for all
		if w.err != nil {
			w.done <- struct{}{}
			return
		}
		select {
		case read <- w:
		case <-ctx.Done():
			return
		}
	}
}

func (l *Live) answerAll(ctx context.Context, read <-chan *work) {
	for {
		select {
		case w := <-read:
			w.answers, w.took, w.err = l.ask(ctx, &w.frame)
			w.done <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}

func (l *Live) showAll(ctx context.Context, inTurn <-chan *work, free chan<- *work) error {
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
		l.learn(w.answers, &w.frame, w.took)
		if err := l.present(ctx, &w.frame, l.viewsOf(&w.frame)); err != nil {
			return err
		}
		free <- w // there is room for all
	}
}

// viewsOf are the views on a frame by its own answers: however long it waited
// for a sink, they are not stale.
func (l *Live) viewsOf(f *camera.Frame) []View {
	views := l.targets.views(f.At)
	for i := range views {
		if v := &views[i]; v.Seq > 0 {
			v.Age = max(0, time.Since(f.At))
		}
	}
	return views
}
