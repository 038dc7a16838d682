package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/annotate/runfile"
	"deixis/pipeline/annotate/segment"
	"deixis/pipeline/line"
)

// A job is what one machine answers in one go: the rest of a recording, or a range of it.
// A run on one machine and a worker of a queue do it in the same way.
type job struct {
	g       *app.Globals
	by      pipeline.Grounder
	ref     camera.Ref
	o       opencv.Options // with At, or From and To
	phrases []model.Phrase
	every   int
	fps     float64
	frames  int // before Options.At

	opened func(opencv.Info)
	take   func(f *camera.Frame, a annotate.Answered, r opencv.Range) error // r.Ended is not known yet
}

// do answers every frame. An error of the source after which there is no more to be had is
// broken; any other is err, with openError where it could not be opened.
func (j *job) do(ctx context.Context) (r opencv.Range, broken, err error) {
	from, err := opencv.Open(ctx, j.ref, j.o)
	if err != nil {
		if ctx.Err() != nil {
			return r, nil, ctx.Err()
		}
		return r, nil, &openError{err}
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if j.opened != nil {
		j.opened(from.Info())
	}
	texts := make([]string, len(j.phrases))
	for i, p := range j.phrases {
		texts[i] = p.Text
	}
	var ask func(*camera.Frame) bool
	first := true
	run := line.New(line.Config{
		From: from, By: j.by, Log: j.g.Log, Unrelated: j.ref.Unrelated(),
		Ask: func(f *camera.Frame) bool { // called by whoever reads, so that what it keeps is there before its frame is taken
			if first {
				first, r = false, from.Range()
				ask = j.ask(r.Before)
			}
			return ask == nil || ask(f)
		},
		Answered: func(f *camera.Frame, answers []model.Answer) error {
			return j.take(f, annotate.AnsweredOf(f, texts, answers), r)
		},
	})
	run.SetPhrases(j.phrases)
	err = run.Recording(ctx)
	r = from.Range()
	switch {
	case ctx.Err() != nil:
		return r, nil, ctx.Err()
	case errors.Is(err, camera.ErrNoPicture):
		return r, err, nil
	}
	return r, nil, err
}

// An openError says that a source could not be opened.
type openError struct{ error }

func (e *openError) Unwrap() error { return e.error }

// ask says which frames are answered; nil: all. before is the place before the first one,
// where Options.At is none.
func (j *job) ask(before camera.Place) func(f *camera.Frame) bool {
	n, last := j.frames, j.o.At.PTS
	if before.Seq > 0 {
		n, last = 1, before.PTS
	}
	switch {
	case j.fps > 0:
		tick := func(at time.Duration) float64 { return math.Floor(at.Seconds()*j.fps + 1e-6) }
		return func(f *camera.Frame) bool {
			is := n == 0 || tick(f.PTS) != tick(last)
			n, last = n+1, f.PTS
			return is
		}
	case j.every > 1:
		return func(*camera.Frame) bool {
			n++
			return (n-1)%j.every == 0
		}
	}
	return nil
}

// answer runs the model over what is left of an input, after the frames that are in
// store, and ends store where the input ends.
func (a *annotation) answer(ctx context.Context, in *input, found *annotate.Collector, store *segment.Store, at camera.Place, frames int, bar *bar) error {
	j := job{
		g: a.g, by: a.by, ref: in.ref, o: a.g.Sources(), phrases: a.phrases, every: a.c.Every, fps: a.c.FPS, frames: frames,
		opened: func(i opencv.Info) { bar.of(i.Frames, frames) },
		take: func(f *camera.Frame, one annotate.Answered, _ opencv.Range) error {
			frames++
			bar.add()
			if err := store.Add(f, one); err != nil {
				return app.Output(err)
			}
			found.Again(one)
			return nil
		},
	}
	j.o.At = at
	_, broken, err := j.do(ctx)
	var unopened *openError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, camera.ErrChanged):
		return fault(app.Usage(fmt.Errorf("annotate: %w (begin anew with --over, or name another --out)", err)))
	case errors.As(err, &unopened):
		return fault(err)
	case err != nil:
		return err
	case broken != nil && frames == 0:
		return fault(broken)
	}
	return finish(store, broken)
}

// finish ends a store where an input ends: where it broke off, what was read is good.
func finish(store *segment.Store, broken error) error {
	end := segment.End{}
	if broken != nil {
		end.Says = broken.Error()
	}
	if err := store.Finish(end); err != nil {
		return app.Output(err)
	}
	return nil
}

// classOf is the class of workers whose answers are those of a run.
func classOf(s runfile.Settings) queue.Class {
	return queue.Class{
		Program: s.Program, Bundle: s.Bundle, BundleSHA256: s.BundleSHA256, Provider: s.Provider, Precision: s.Precision,
		Instructions: s.Instructions, ONNXRuntime: s.ONNXRuntime, OpenCV: s.OpenCV,
	}
}

// anyWorker makes s the settings of a run that any worker with the bundle answers.
func anyWorker(s *runfile.Settings) {
	c := classOf(*s).AnyWorker()
	s.Program, s.Provider, s.Precision, s.Instructions, s.ONNXRuntime, s.OpenCV = c.Program, c.Provider, c.Precision, c.Instructions, c.ONNXRuntime, c.OpenCV
}
