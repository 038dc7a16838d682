package main

import (
	"context"
	"errors"
	"io"
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

// A job is what is answered in one go: the rest of a recording, or a range of it. A run on
// one machine and a worker of a server's queue do it in the same way.
type job struct {
	g       *app.Globals
	by      pipeline.Grounder
	of      queue.Job
	ref     camera.Ref
	o       opencv.Options // with At, or From and To
	phrases []model.Phrase
	every   int
	fps     float64
	frames  int // before Options.At

	take func(f *camera.Frame, a annotate.Answered, h queue.Head) error
}

// into answers every frame into a job's result. What is wrong with the recording itself is
// part of it, with the names that given makes of those on this machine. again says that it
// met an error after a jump, which may be none where all is read.
func (j *job) into(ctx context.Context, to io.Writer, given func(string) string) (frames int, again bool, err error) {
	out := queue.NewWriter(to, j.of)
	j.take = func(f *camera.Frame, a annotate.Answered, h queue.Head) error {
		if err := out.Begin(h); err != nil {
			return err
		}
		return out.Add(f, a)
	}
	r, h, broken, err := j.do(ctx)
	var unopened *openError
	if errors.As(err, &unopened) && errors.Is(err, camera.ErrNoPicture) {
		broken, err = unopened.error, nil
	}
	switch {
	case ctx.Err() != nil:
		return 0, false, ctx.Err()
	case (err != nil || broken != nil) && r.Jumped:
		return 0, true, nil
	case err != nil:
		return 0, false, err
	}
	end := queue.End{Ended: r.Ended}
	if broken != nil {
		end.Says = given(broken.Error())
	}
	return out.Frames, false, errors.Join(out.Begin(h), out.Finish(end))
}

// head is what is known of a source before its first frame.
func (j *job) head(r opencv.Range, i opencv.Info) queue.Head {
	h := queue.Head{Before: r.Before, Jumped: r.Jumped, Frames: i.Frames}
	if at := j.o.At; at.Seq > 0 {
		h.Before = camera.Place{Seq: at.Seq, PTS: at.PTS, Sum: at.Sum}
	}
	return h
}

// do answers every frame. An error of the source after which there is no more to be had is
// broken; any other is err, with openError where it could not be opened.
func (j *job) do(ctx context.Context) (r opencv.Range, h queue.Head, broken, err error) {
	from, err := opencv.Open(ctx, j.ref, j.o)
	if err != nil {
		if ctx.Err() != nil {
			return r, h, nil, ctx.Err()
		}
		return r, h, nil, &openError{err}
	}
	defer func() { err = errors.Join(err, from.Close()) }()
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
				first, h = false, j.head(from.Range(), from.Info())
				ask = j.ask(from.Range().Before)
			}
			return ask == nil || ask(f)
		},
		Answered: func(f *camera.Frame, answers []model.Answer) error {
			return j.take(f, annotate.AnsweredOf(f, texts, answers), h)
		},
	})
	run.SetPhrases(j.phrases)
	err = run.Recording(ctx)
	r = from.Range()
	h = j.head(r, from.Info())
	switch {
	case ctx.Err() != nil:
		return r, h, nil, ctx.Err()
	case errors.Is(err, camera.ErrNoPicture):
		return r, h, err, nil
	}
	return r, h, nil, err
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
