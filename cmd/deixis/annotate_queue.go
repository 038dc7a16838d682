package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/annotate/queue/jetstream"
	"deixis/pipeline/annotate/runfile"
	"deixis/pipeline/annotate/segment"
)

// queueFlags say how a queue's server is asked.
type queueFlags struct {
	natsFlags
	Replicas int `default:"1" help:"On how many servers of a cluster what is queued is kept: 3 outlive the loss of one. Whoever comes first decides."`

	AckWait time.Duration `name:"worker-timeout" default:"30s" help:"A worker that says nothing for so long has lost its job to another."`
}

func (f queueFlags) dial(ctx context.Context, g *app.Globals, url string) (*jetstream.Queue, error) {
	if f.Replicas < 1 || f.Replicas > 5 || f.AckWait < time.Second {
		return nil, app.Usage(errors.New("--replicas is a number from 1 to 5, and --worker-timeout a time from 1s up"))
	}
	server, err := f.at(url, g.Log)
	if err != nil {
		return nil, err
	}
	return jetstream.Dial(ctx, jetstream.Options{Options: server, Replicas: f.Replicas, AckWait: f.AckWait})
}

// errNotDone says that --collect found jobs that are not finished.
var errNotDone = errors.New("not all of its jobs are done yet")

// parts are how an input is cut into jobs.
type parts struct {
	task   queue.Task
	ranges []queue.Range
	left   []queue.Range // of these, what is not kept from a run before
	again  []queue.Range // that did not begin where the one before them ended
	frames int           // about; 0 unknown
	err    error         // the input is broken; nothing of it was submitted

	// Where this process answers:
	after    camera.Place // what is answered already
	answered int          // how many frames that are
	sumEvery int          // the last of so many frames may be where a run goes on
}

// job is that of a range.
func (p *parts) job(r queue.Range) queue.Job {
	j := p.task.Job(r)
	j.After, j.Answered, j.SumEvery = p.after, p.answered, p.sumEvery
	return j
}

// jobs are those of all ranges.
func (p *parts) jobs() (all []queue.Job) {
	for _, r := range slices.Concat(p.ranges, p.again) {
		all = append(all, p.job(r))
	}
	return all
}

// submit puts the jobs of all inputs into the queue, unless they only are to be collected.
func (a *annotation) submit(ctx context.Context, left []*input) error {
	jobs := 0
	for _, in := range left {
		var broken *inputFault
		if in.parts.err = a.cut(ctx, in); in.parts.err != nil && !errors.As(in.parts.err, &broken) {
			return in.parts.err
		}
		if a.c.Collect || len(in.parts.left) == 0 {
			continue
		}
		if err := a.submitOne(ctx, in, in.parts.left...); err != nil {
			return err
		}
		jobs += len(in.parts.left)
	}
	if !a.c.Collect && jobs > 0 {
		a.g.Log.Info("submitted", "jobs", jobs, "inputs", len(left))
		a.warnOfNobody(ctx)
	}
	if a.c.Detach {
		a.g.Log.Info("the same command, without --detach, waits for the results and writes the labels")
	}
	return nil
}

// warnOfNobody says that jobs may wait for long.
func (a *annotation) warnOfNobody(ctx context.Context) {
	takes, all, err := a.server.Takers(ctx, classOf(a.settings))
	if err != nil || takes > 0 {
		return
	}
	if all > 0 {
		a.g.Log.Warn("no worker takes these jobs yet: the answers of those that are there would not be the same bytes as this machine's (--any-worker lets them, where the bundle is the same)", "workers", all)
		return
	}
	a.g.Log.Warn("no worker is there yet (start some with `deixis worker`)", "queue", camera.Redacted(a.c.Submit))
}

// cut looks how long an input is, divides it, and finds what is left to do of it.
func (a *annotation) cut(ctx context.Context, in *input) error {
	if _, err := a.identify(ctx, in); err != nil || in.state.State == runfile.Done && a.isWhole(in) {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	in.parts.task = a.task(in)
	in.parts.task.Dir = dir
	if a.c.Results != "" {
		if in.parts.task.Folder, err = filepath.Abs(a.c.Results); err != nil {
			return err
		}
	}
	if a.c.Upload {
		for i := range filesOf(in.ref) {
			in.parts.task.Uploaded = append(in.parts.task.Uploaded, fmt.Sprintf("%s-%d", in.parts.task.Key, i))
		}
	}
	long, part, err := a.measure(ctx, in)
	if err != nil {
		return err
	}
	in.parts.ranges = queue.Cut(long, part)
	store, err := segment.Open(a.segments(in), in.parts.task.Key, a.c.Segment)
	if err != nil {
		return app.Output(err)
	}
	if store.End() == nil {
		var before queue.Merger
		before.GoOn(store.Place())
		in.parts.left = slices.DeleteFunc(slices.Clone(in.parts.ranges), before.Has)
	}
	return nil
}

// task is what the jobs of an input have in common.
func (a *annotation) task(in *input) queue.Task {
	return queue.Task{
		Version: queue.Version, Class: classOf(a.settings), Key: a.settings.Key(in.state), Ref: in.ref, Bytes: in.state.Bytes,
		Phrases: a.settings.Phrases, Every: a.settings.Every, FPS: a.c.FPS, MaxPixels: a.g.MaxPixels,
	}
}

// submitHere makes one job of what is left of an input, for this process.
func (a *annotation) submitHere(ctx context.Context, in *input, at camera.Place, frames int) error {
	in.parts = parts{task: a.task(in), ranges: []queue.Range{{}}, after: at, answered: frames, sumEvery: a.c.Segment}
	return a.submitOne(ctx, in, in.parts.ranges...)
}

// measure is how long an input is, and how much of it is one job; 0 for all of it.
func (a *annotation) measure(ctx context.Context, in *input) (long, part time.Duration, err error) {
	divisible := a.settings.Every == 1
	switch in.ref.Kind {
	case camera.File:
		info, whole, err := opencv.Survey(ctx, in.ref, a.g.Sources())
		if err != nil {
			if ctx.Err() != nil {
				return 0, 0, ctx.Err()
			}
			return 0, 0, fault(err)
		}
		in.parts.frames, divisible = info.Frames, divisible && whole
		if info.FPS > 0 {
			long = time.Duration(float64(info.Frames) / info.FPS * float64(time.Second))
		}
	case camera.Images:
		in.parts.frames, long = len(in.ref.Paths), time.Duration(len(in.ref.Paths))*time.Second
		divisible = divisible && a.c.FPS == 0
	default:
		in.parts.frames, long = in.ref.Frames, time.Duration(float64(in.ref.Frames)/in.ref.FPS*float64(time.Second))
		divisible = divisible && a.c.FPS == 0
	}
	if !divisible {
		return long, 0, nil
	}
	return long, a.c.Part, nil
}

// submitOne puts ranges of an input into the queue.
func (a *annotation) submitOne(ctx context.Context, in *input, ranges ...queue.Range) error {
	t := &in.parts.task
	files := filesOf(in.ref)
	for i, name := range t.Uploaded {
		if err := a.queue.Upload(ctx, name, files[i]); err != nil {
			return err
		}
	}
	if err := a.queue.Begin(ctx, *t); err != nil {
		return err
	}
	for _, r := range ranges {
		if err := a.queue.Submit(ctx, in.parts.job(r)); err != nil {
			return err
		}
	}
	return nil
}

// filesOf are the files of a source.
func filesOf(ref camera.Ref) []string {
	if ref.Kind == camera.File {
		return []string{ref.Path}
	}
	return ref.Paths
}

// collect merges the results of an input's jobs into store, as they are finished, and ends
// store where the input ends.
func (a *annotation) collect(ctx context.Context, in *input, found *annotate.Collector, store *segment.Store, files map[string]bool, frames int, bar *bar) error {
	if in.parts.err != nil {
		return in.parts.err
	}
	if in.parts.task.Key != a.settings.Key(in.state) {
		return fault(app.Input(fmt.Errorf("annotate: %q was changed after it was submitted (give the same command again)", in.ref)))
	}
	m := &queue.Merger{Ref: in.ref, Keep: func(at camera.Place, one annotate.Answered) error {
		frames++
		bar.add()
		if err := store.AddAt(at, one); err != nil {
			return app.Output(err)
		}
		files[one.File] = true
		found.Again(one)
		return nil
	}}
	m.GoOn(store.Place())
	var end *queue.End
	for _, r := range in.parts.ranges {
		if m.Has(r) {
			continue
		}
		var err error
		about := func(all int) { bar.of(cmp.Or(in.parts.frames, all), frames) }
		if end, err = a.merge(ctx, in, m, r, about); err != nil {
			return err
		}
		if end.Ended || end.Says != "" {
			break
		}
	}
	var broken error
	if end.Says != "" {
		broken = app.Input(errors.New(end.Says))
	}
	if in.ref.Kind == camera.Images && len(in.ref.Paths) > 1 {
		broken = opencv.Lacking(in.ref, lackingOf(in.ref, files))
	}
	if broken != nil && frames == 0 {
		if err := a.forget(ctx, in); err != nil {
			return err
		}
		return fault(broken)
	}
	return finish(store, broken)
}

// forget removes what the queue has of an input that is over.
func (a *annotation) forget(ctx context.Context, in *input) error {
	if len(in.parts.ranges) == 0 {
		return nil
	}
	return a.queue.Forget(ctx, in.parts.task, in.parts.jobs())
}

// lackingOf are the names of the pictures that are not among those that were answered.
func lackingOf(ref camera.Ref, answered map[string]bool) (names []string) {
	for _, path := range ref.Paths {
		if name := ref.Name(path); !answered[name] {
			names = append(names, name)
		}
	}
	return names
}

// merge waits for a job's result and merges it. One that does not begin where the one before
// it ended is done again from the beginning of the recording.
func (a *annotation) merge(ctx context.Context, in *input, m *queue.Merger, r queue.Range, about func(frames int)) (*queue.End, error) {
	for {
		j := in.parts.job(r)
		from, err := a.fetch(ctx, in, j)
		if err != nil {
			return nil, err
		}
		end, err := mergeOne(m, j, from, about)
		var unopened *openError
		switch {
		case err == nil:
			return end, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, camera.ErrChanged):
			return nil, fault(app.Usage(fmt.Errorf("annotate: %w (begin anew with --over, or name another --out)", err)))
		case errors.As(err, &unopened):
			return nil, fault(err)
		case !errors.Is(err, queue.ErrApart):
			return nil, err
		case r.Whole:
			return nil, fault(app.Usage(fmt.Errorf("annotate: %w: %w (is it the same file for all workers?)", err, camera.ErrChanged)))
		}
		a.g.Log.Debug("a range is answered again", "why", err)
		r.Whole = true
		in.parts.again = append(in.parts.again, r)
		if err := a.submitOne(ctx, in, r); err != nil {
			return nil, err
		}
	}
}

// mergeOne merges a result. The error that its job failed with counts before any other.
func mergeOne(m *queue.Merger, j queue.Job, from io.ReadCloser, about func(frames int)) (end *queue.End, err error) {
	defer func() { err = cmp.Or(from.Close(), err) }()
	r, err := queue.NewReader(from, j.ID)
	if err != nil {
		return nil, err
	}
	about(r.Frames)
	return m.Add(j.From, r)
}

// lookAgain is how often a result is looked for that nobody told of.
const lookAgain = 2 * time.Second

// fetch waits until there is a result of a job.
func (a *annotation) fetch(ctx context.Context, in *input, j queue.Job) (io.ReadCloser, error) {
	for {
		news := a.queue.News()
		from, err := a.queue.Fetch(ctx, j, filepath.Join(a.segments(in), "result"))
		switch {
		case ctx.Err() != nil:
			if from != nil {
				from.Close()
			}
			return nil, ctx.Err()
		case errors.Is(err, queue.ErrDead):
			return nil, fmt.Errorf("annotate: %w (the same command submits it once more)", err)
		case err != nil || from != nil:
			return from, err
		case a.c.Collect:
			return nil, fmt.Errorf("annotate: %q, %v: %w (the same command, later, goes on; `deixis queue` shows what there is)", in.ref, j.Range, errNotDone)
		}
		if err := a.wait(ctx, in, j, news); err != nil {
			return nil, err
		}
	}
}

// wait waits until some job is done, or it may be. One that is nowhere any more is submitted
// again.
func (a *annotation) wait(ctx context.Context, in *input, j queue.Job, news <-chan struct{}) error {
	late := time.NewTimer(lookAgain)
	defer late.Stop()
	select {
	case <-news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
	}
	lost, err := a.queue.Lost(ctx, j)
	if err != nil || !lost {
		return err
	}
	a.g.Log.Debug("a job is lost, and submitted again", "input", in.state.Name, "range", j.Range.String())
	return a.submitOne(ctx, in, j.Range)
}
