package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/annotate/queue/inprocess"
	"deixis/pipeline/annotate/queue/jetstream"
	"deixis/pipeline/annotate/runfile"
	"deixis/pipeline/annotate/segment"
)

// An annotation is one run over all inputs.
type annotation struct {
	c        *annotateCmd
	g        *app.Globals
	file     *runfile.File
	inputs   []*input
	before   []string // results of a run that this one begins anew
	bundle   *model.Bundle
	by       *app.Network     // nil where any worker may answer
	queue    queue.Queue      // of this process, or server
	server   *jetstream.Queue // nil where this machine answers
	phrases  []model.Phrase
	settings runfile.Settings
	progress *progress
	fixes    []annotate.Fix
	worked   bool // something was left to do

	mu     sync.Mutex
	failed []error // of inputs that are broken
}

// fail keeps the error of an input that is broken; the others go on.
func (a *annotation) fail(err error) {
	a.g.Log.Warn("an input is broken", "why", err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = append(a.failed, err)
}

// run annotates what is not done yet.
func (a *annotation) run(ctx context.Context, texts []string) (err error) {
	if a.bundle, err = a.g.OpenBundle(); err != nil {
		return err
	}
	a.settings = a.c.settings(a.g, texts, a.bundle)
	left := slices.DeleteFunc(slices.Clone(a.inputs), a.isDone)
	if len(left) == 0 {
		before := a.file.Settings() // of the network, which is not opened for nothing
		a.settings.Provider, a.settings.Precision, a.settings.ONNXRuntime = before.Provider, before.Precision, before.ONNXRuntime
		if err := a.begin(); err != nil {
			return err
		}
		a.g.Log.Info("this run is finished already, and nothing was done", "out", a.c.Out)
		a.tell(a.inputs)
		return nil
	}
	if a.phrases, err = (&pipeline.Asker{Phrase: a.bundle.Phrase, Most: a.bundle.Limits.MaxPhrases, Log: a.g.Log}).Phrases(texts); err != nil {
		return err
	}
	if !a.c.AnyWorker {
		if a.by, err = a.g.OpenNetwork(ctx, app.Wants{}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.by.Close()) }()
		p := a.by.Provider()
		a.settings.Provider, a.settings.Precision, a.settings.ONNXRuntime = p.Name, p.Precision, p.Version
	}
	if a.c.Submit != "" {
		if a.server, err = a.c.dial(ctx, a.g, a.c.Submit); err != nil {
			return err
		}
		defer a.server.Close()
		a.queue = a.server
	} else {
		w := &worker{g: a.g, by: a.by, phrases: func([]string) ([]model.Phrase, error) { return a.phrases, nil }}
		a.queue = inprocess.New(w.here)
	}
	if err := a.begin(); err != nil {
		return err
	}
	if err := a.register(left); err != nil {
		return err
	}
	a.worked = true
	if a.server != nil {
		if err := a.submit(ctx, left); err != nil || a.c.Detach {
			return err
		}
	}
	a.progress = newProgress(a.g, len(left))
	err = each(ctx, left, a.c.Jobs, func(ctx context.Context, n int) error { return a.one(ctx, left[n]) })
	a.progress.close()
	if err != nil {
		return a.stopped(ctx, err)
	}
	a.tell(slices.DeleteFunc(slices.Clone(a.inputs), func(in *input) bool { return slices.Contains(left, in) }))
	return nil
}

// isDone says whether nothing is left to do of an input.
func (a *annotation) isDone(in *input) bool {
	return in.state.State == runfile.Done && in.state.Same(in.ref) && a.isWhole(in)
}

// isWhole says whether all results of an input are there.
func (a *annotation) isWhole(in *input) bool {
	return !slices.ContainsFunc(in.state.Files, func(name string) bool {
		_, err := os.Lstat(filepath.Join(a.c.Out, name))
		return err != nil
	})
}

// begin makes sure that results of other settings are not mixed with these.
func (a *annotation) begin() error {
	err := a.file.Begin(a.settings)
	if errors.Is(err, runfile.ErrOther) {
		return app.Usage(fmt.Errorf("annotate: %w (name another --out, or begin anew with --over)", err))
	}
	return err
}

// register makes sure that the folder can be written to, and that what is found there
// is known to be ours.
func (a *annotation) register(left []*input) error {
	var states []runfile.Input
	for _, in := range left {
		states = append(states, in.state)
	}
	if err := errors.Join(a.file.Put(states...), a.removeStale()); err != nil {
		return app.Output(err)
	}
	return nil
}

// tell repeats what was wrong with inputs that are done.
func (a *annotation) tell(done []*input) {
	for _, in := range done {
		if in.state.Error != "" {
			a.fail(app.Input(errors.New(in.state.Error)))
		}
	}
}

// stopped says how the run goes on.
func (a *annotation) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		how := "the same command goes on from here"
		if a.c.Over {
			how = "the same command without --over goes on from here"
		}
		a.g.Log.Info("stopped; "+how, "out", a.c.Out)
		return ctx.Err()
	}
	if app.ExitCode(err) == app.ExitUsage {
		return err
	}
	return fmt.Errorf("%w (once that is mended, the same command goes on from here)", err)
}

// settings are those of a run, but for what is known once the network is open.
func (c *annotateCmd) settings(g *app.Globals, texts []string, b *model.Bundle) runfile.Settings {
	s := programOf(b)
	s.Phrases, s.Formats, s.Every, s.FPS, s.CloseGap, s.LeastTrack = texts, c.formats(), max(1, c.Every), c.FPS, c.CloseGap.String(), c.Least.String()
	s.Stills, s.Sequence, s.MaxPixels = c.Stills.String(), c.Sequence, g.Sources().MaxPixels
	if raw, err := os.ReadFile(c.Fixes); err == nil && c.Fixes != "" {
		s.Fixes = digest(raw)
	}
	if c.AnyWorker {
		anyWorker(&s)
	}
	return s
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// one annotates one input, and notes how that went. An error that is returned ends the
// run: it is no fault of the input.
func (a *annotation) one(ctx context.Context, in *input) error {
	err := a.annotate(ctx, in)
	if errors.Is(err, queue.ErrDead) || errors.Is(err, errNotDone) { // the same command goes on with it
		a.fail(err)
		return nil
	}
	var fault *inputFault
	if !errors.As(err, &fault) {
		return err
	}
	a.fail(err)
	if errors.Is(err, errKept) {
		return nil
	}
	if in.state.State != runfile.Done {
		in.state.State, in.state.Files = runfile.Failed, []string{}
	}
	in.state.Error = err.Error()
	if err := a.file.Put(in.state); err != nil {
		return app.Output(err)
	}
	return nil
}

// An inputFault is an error that one input alone is to blame for.
type inputFault struct{ error }

func (e *inputFault) Unwrap() error { return e.error }

func fault(err error) error {
	if err == nil {
		return nil
	}
	return &inputFault{err}
}

func (a *annotation) annotate(ctx context.Context, in *input) error {
	start := time.Now()
	same, err := a.identify(ctx, in)
	if err != nil {
		return err
	}
	if same && in.state.State == runfile.Done && a.isWhole(in) { // it was touched, and is what it was
		if in.state.Error != "" {
			return fault(app.Input(errors.New(in.state.Error)))
		}
		return nil
	}
	in.state.State, in.state.Error, in.state.Files = runfile.Open, "", a.c.results(in.state.Name, in.ref)
	s := annotate.DefaultSettings
	s.Present = a.bundle.Threshold.Present
	s.Fixes = annotate.FixesOf(a.fixes, in.ref.String())
	s.Pictures = in.ref.Kind == camera.Images
	s.Unrelated, s.CloseGap, s.Least = in.ref.Unrelated(), a.c.CloseGap, a.c.Least
	store, err := segment.Open(a.segments(in), a.settings.Key(in.state), a.c.Segment)
	if err != nil {
		return app.Output(err)
	}
	found := annotate.NewCollector(in.state.Name, in.ref.String(), a.settings.Phrases, s, store)
	files := map[string]bool{}
	frames := 0
	for one, err := range store.All() {
		if err != nil {
			return app.Output(err)
		}
		found.Again(one)
		files[one.File] = true
		frames++
	}
	bar := a.progress.begin(in.state.Name)
	defer func() { bar.end(in.state.State == runfile.Done) }()
	if store.End() == nil {
		at := store.Place()
		for _, path := range in.ref.Paths[:min(int(at.Seq), len(in.ref.Paths))] {
			if name := in.ref.Name(path); !files[name] {
				at.Passed = append(at.Passed, name)
			}
		}
		if a.server == nil {
			if err := a.submitHere(ctx, in, at, frames); err != nil {
				return err
			}
		}
		if err := a.collect(ctx, in, found, store, files, frames, bar); err != nil {
			return err
		}
	}
	v, err := found.Video()
	if err != nil {
		return app.Output(err)
	}
	a.tellFixes(in, v)
	if err := a.unchanged(in, store); err != nil {
		return err
	}
	if err := a.write(ctx, in, v, bar); err != nil {
		return err
	}
	if err := a.unchanged(in, store); err != nil {
		return err
	}
	in.fps = model.Round(float64(bar.answered)/time.Since(start).Seconds(), 2)
	return a.done(ctx, in, v, store)
}

// unchanged makes sure that an input is still what was hashed: what was answered on
// another is worth nothing.
func (a *annotation) unchanged(in *input, store *segment.Store) error {
	if in.state.Same(in.ref) {
		return nil
	}
	in.state.SHA256 = ""
	return errors.Join(fault(app.Input(fmt.Errorf("annotate: %q was changed while it was read (give the same command again)", in.ref))), store.Remove())
}

// done notes that the results of an input are whole. What broke off in the middle is
// told then.
func (a *annotation) done(ctx context.Context, in *input, v *annotate.Video, store *segment.Store) error {
	in.state.State = runfile.Done
	in.state.Frames, in.state.Seconds = len(v.Frames), model.Round(v.Duration().Seconds(), 3)
	in.state.Tracks = tracksOf(v)
	end := store.End()
	if end.Says != "" {
		in.state.Error = fmt.Sprintf("%s (its %d frames up to second %.2f are annotated)", end.Says, len(v.Frames), v.Duration().Seconds())
	}
	if err := a.file.Put(in.state); err != nil {
		return app.Output(err)
	}
	if a.c.Review == "" {
		if err := store.Remove(); err != nil {
			return app.Output(err)
		}
	}
	if err := a.forget(ctx, in); err != nil {
		return err
	}
	if in.state.Error != "" {
		return fault(app.Input(errors.New(in.state.Error)))
	}
	return nil
}

func (a *annotation) segments(in *input) string {
	return filepath.Join(a.c.Out, in.state.Name+segmentsEnding)
}

// errKept says that the results of an input are left as they are.
var errKept = errors.New("its results are those of before")

// identify reads an input once for its hash, and says whether it is what it was when
// this run met it first. One that was done and is another now is refused.
func (a *annotation) identify(ctx context.Context, in *input) (same bool, err error) {
	if in.state.Same(in.ref) {
		return true, nil
	}
	now := in.state
	if err := now.Digest(ctx, in.ref); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, fault(err)
	}
	same = in.state.SHA256 == now.SHA256
	if in.state.State == runfile.Done && !same {
		return false, fault(app.Usage(fmt.Errorf("annotate: %q has changed since this run began, and %w (begin anew with --over, or name another --out)", in.ref, errKept)))
	}
	in.state = now
	if err := a.file.Put(in.state); err != nil {
		return false, app.Output(err)
	}
	return same, nil
}

// tellFixes warns of judgements that nothing in v fits.
func (a *annotation) tellFixes(in *input, v *annotate.Video) {
	n := 0
	for _, f := range annotate.FixesOf(a.fixes, in.ref.String()) {
		if f.Frame < 0 || f.Frame >= len(v.Frames) || !v.Frames[f.Frame].Asked || !slices.Contains(v.Phrases, f.Phrase) {
			n++
		}
	}
	if n > 0 {
		a.g.Log.Warn("judgements fit no frame that was answered, or no phrase, and are left out", "input", in.state.Name, "count", n)
	}
}
