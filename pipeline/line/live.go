package line

import (
	"context"
	"time"

	"deixis/pipeline"
)

// Live shows every frame as soon as it is there, with the newest answers, until
// the source is dry, the window is closed, the last output has ended or ctx ends;
// those are no errors. The newest frame wins: a stage that is busy misses frames.
func (l *Line) Live(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l.targets.Carried = !l.c.NoCarry
	stages, ctx := l.begin(ctx, false)
	stages.Go(func() error { return l.capture(ctx) })
	stages.Go(func() error { return l.ground(ctx) })
	err := l.show(ctx)
	stop()
	return l.end(stages.Wait(), err)
}

func (l *Line) capture(ctx context.Context) error {
	for {
		f := l.pool.get()
		err := l.next(ctx, &f.Frame)
		if err == nil && !l.c.NoCarry {
			l.carrier.Add(&f.Frame)
		}
		if err == nil {
			l.toShow.put(f, nil)
			if l.c.Prepare {
				err = l.prepare(&f.Frame)
			}
		}
		if err == nil && l.toModel.put(f, nil) {
			l.counts.skipped.Add(1)
		}
		f.release()
		if err != nil {
			return err
		}
	}
}

func (l *Line) ground(ctx context.Context) error {
	for {
		f, _, err := l.toModel.take(ctx)
		if err != nil {
			return err
		}
		l.times.Add(pipeline.StageTake, time.Since(f.At))
		answers, took, err := l.answer(ctx, &f.Frame)
		if err == nil {
			l.update(answers, &f.Frame, took)
		}
		f.release()
		if err != nil {
			return err
		}
	}
}

func (l *Line) show(ctx context.Context) error {
	for {
		f, err := l.take(ctx)
		if err != nil {
			return err
		}
		start := time.Now()
		views := l.targets.Views(start)
		if !l.c.NoCarry {
			l.carrier.Carry(&f.Frame, views)
			l.times.Add(pipeline.StageCarry, time.Since(start))
		}
		l.unanswered(&f.Frame, views)
		l.targets.Shown(f.Seq, views)
		l.noteFresh(views)
		err = l.present(ctx, f, views)
		f.release()
		if err != nil {
			return err
		}
	}
}

// idleEvery is how long a window that reads keys may wait to do so: the library
// below it remembers only one key.
const idleEvery = 10 * time.Millisecond

// take waits for a frame to show, and lets an idle window do its work meanwhile.
func (l *Line) take(ctx context.Context) (*sharedFrame, error) {
	idler, ok := l.c.Window.(pipeline.Idler)
	if !ok {
		f, _, err := l.toShow.take(ctx)
		return f, err
	}
	for {
		short, stop := context.WithTimeout(ctx, idleEvery)
		f, _, err := l.toShow.take(short)
		stop()
		if err == nil || ctx.Err() != nil {
			return f, err
		}
		if err := idler.Idle(); err != nil {
			return nil, err
		}
	}
}

// noteFresh notes how old an answer is when it is shown for the first time.
func (l *Line) noteFresh(views []pipeline.View) {
	for i := range views {
		if views[i].Seq > l.newest {
			l.newest = views[i].Seq
			l.times.Add(pipeline.StageFresh, views[i].Age)
		}
	}
}
