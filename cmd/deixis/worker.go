package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"deixis/camera"
	"deixis/camera/opencv/about"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/annotate/queue"
	"deixis/pipeline/annotate/queue/jetstream"
	"deixis/pipeline/annotate/runfile"
)

// workerCmd is `deixis worker`.
type workerCmd struct {
	queueFlags
	URL  string `arg:"" name:"queue" placeholder:"nats://HOST" help:"The NATS server that annotate --submit names; several of a cluster are separated by commas."`
	Temp string `name:"temp" placeholder:"DIR" help:"Where uploaded recordings and results lie while they are needed (default: the system's)."`
}

// Run answers jobs until ctx ends.
func (c *workerCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	p := by.Provider()
	settings := programOf(by.Bundle)
	settings.Provider, settings.Precision, settings.ONNXRuntime = p.Name, p.Precision, p.Version
	dir, err := os.MkdirTemp(c.Temp, "deixis-worker-*")
	if err != nil {
		return app.Output(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	q, err := c.dial(ctx, g, c.URL)
	if err != nil {
		return err
	}
	defer q.Close()
	w := &worker{g: g, by: by, phrases: (&pipeline.Asker{Phrase: by.Bundle.Phrase, Most: by.Bundle.Limits.MaxPhrases}).Phrases, fetch: q.Download, dir: dir}
	class := classOf(settings)
	g.Log.Info("waiting for jobs", "queue", camera.Redacted(c.URL), "bundle", class.Bundle, "provider", class.Provider, "precision", class.Precision, "instructions", class.Instructions)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = q.Work(ctx, jetstream.Worker{Class: class, Dir: dir, Do: func(ctx context.Context, t *queue.Task, j queue.Job, file string) (int, error) {
		frames, err := w.do(ctx, t, j, file)
		if now := by.Provider(); now.Name != p.Name || now.Precision != p.Precision { // its answers are others from now on
			err = fmt.Errorf("%s failed, and the network goes on with %s (start the worker again)", p.Name, now.Name)
			stop(err)
		}
		return frames, err
	}})
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// programOf are the settings that a program and its bundle decide.
func programOf(b *model.Bundle) runfile.Settings {
	s := runfile.Settings{Program: version, Bundle: b.Name, Instructions: app.Instructions(), OpenCV: about.Version()}
	if raw, err := os.ReadFile(b.Path("bundle.json")); err == nil { // it was read a moment ago
		s.BundleSHA256 = digest(raw)
	}
	return s
}

// A worker answers jobs of a queue: of this process, or of a server.
type worker struct {
	g       *app.Globals
	by      pipeline.Grounder
	phrases func(texts []string) ([]model.Phrase, error)
	fetch   func(ctx context.Context, name, path string) error // an uploaded file
	dir     string
	has     string // Task whose files lie in dir
}

// do answers a job of a server into a file.
func (w *worker) do(ctx context.Context, t *queue.Task, qj queue.Job, file string) (frames int, err error) {
	ref, given, err := w.local(ctx, t, qj.Range)
	if err != nil {
		return 0, err
	}
	j, err := w.job(t, qj, ref)
	if err != nil {
		return 0, err
	}
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	frames, again, err := j.into(ctx, f, given)
	if !again {
		return frames, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	if err := f.Truncate(0); err != nil {
		return 0, err
	}
	j.o.Whole = true
	frames, _, err = j.into(ctx, f, given)
	return frames, err
}

// here answers a job of this process, whose recording lies where it was said to.
func (w *worker) here(ctx context.Context, t *queue.Task, qj queue.Job, to io.Writer) error {
	j, err := w.job(t, qj, t.Ref)
	if err != nil {
		return err
	}
	j.o.At, j.frames = qj.After, qj.Answered
	_, _, err = j.into(ctx, to, func(says string) string { return says })
	return err
}

// job is what a job of a queue asks for.
func (w *worker) job(t *queue.Task, qj queue.Job, ref camera.Ref) (*job, error) {
	phrases, err := w.phrases(t.Phrases)
	if err != nil {
		return nil, err
	}
	j := &job{g: w.g, by: w.by, of: qj, ref: ref, o: w.g.Sources(), phrases: phrases, every: t.Every, fps: t.FPS}
	j.o.MaxPixels, j.o.From, j.o.To, j.o.Whole = t.MaxPixels, qj.From, qj.To, qj.Whole
	return j, nil
}

// local is a recording as it is named on this machine, and what makes its names in a text
// those that were given.
func (w *worker) local(ctx context.Context, t *queue.Task, r queue.Range) (ref camera.Ref, given func(string) string, err error) {
	ref = t.Ref
	if ref.Kind == camera.TestPattern {
		return ref, func(s string) string { return s }, nil
	}
	ref.Paths = nil
	var names []string
	to := func(i int, path string) string {
		here := path
		switch {
		case t.Uploaded != nil:
			here = filepath.Join(w.dir, fmt.Sprintf("%s%s", t.Uploaded[i], filepath.Ext(path)))
		case !filepath.IsAbs(path):
			here = filepath.Join(t.Dir, path)
		}
		names = append(names, here, path)
		return here
	}
	if t.Ref.Kind == camera.File {
		ref.Path = to(0, t.Ref.Path)
	}
	for i, path := range t.Ref.Paths {
		ref.Paths = append(ref.Paths, to(i, path))
	}
	given = func(says string) string { return strings.NewReplacer(names...).Replace(says) }
	if t.Uploaded != nil {
		return ref, given, w.download(ctx, t, ref, r)
	}
	return ref, given, sameFiles(t, ref)
}

// sameFiles makes sure that the files of a task are here, and as large.
func sameFiles(t *queue.Task, ref camera.Ref) error {
	var bytes int64
	for _, path := range filesOf(ref) {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%q is not on this machine (share its folder under the same path, or submit with --upload)", path)
		}
		if err != nil {
			return err
		}
		bytes += info.Size()
	}
	if bytes != t.Bytes {
		return fmt.Errorf("%q is another file on this machine: %d bytes instead of %d", t.Ref, bytes, t.Bytes)
	}
	return nil
}

// download brings the uploaded files of a range here; those of another task go.
func (w *worker) download(ctx context.Context, t *queue.Task, ref camera.Ref, r queue.Range) error {
	if w.has != t.Key {
		old, err := filepath.Glob(filepath.Join(w.dir, "*-*"))
		if err != nil {
			return err
		}
		for _, path := range old {
			if !strings.HasPrefix(filepath.Base(path), "result-") {
				err = errors.Join(err, os.Remove(path))
			}
		}
		if err != nil {
			return err
		}
		w.has = t.Key
	}
	for i, path := range filesOf(ref) {
		at := float64(i) // pictures are a second apart
		if ref.Kind == camera.Images && (at < r.From.Seconds() || r.To > 0 && at >= r.To.Seconds()) {
			continue
		}
		if err := w.fetch(ctx, t.Uploaded[i], path); err != nil {
			return err
		}
	}
	return nil
}
