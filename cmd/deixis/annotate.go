package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/annotate/review"
	"deixis/pipeline/annotate/runfile"
)

// annotateCmd is `deixis annotate`.
type annotateCmd struct {
	Inputs   []string      `arg:"" name:"input" placeholder:"INPUT" help:"Videos, folders of videos or of pictures, or globs. A folder is every video in it and below, and the pictures of each folder together."`
	Phrase   []string      `short:"p" sep:"none" placeholder:"PHRASE" help:"What to box; several are separated by ; or given one by one."`
	Phrases  string        `placeholder:"FILE" help:"A file with a phrase a line; empty lines and those that begin with # are left out."`
	Out      string        `required:"" placeholder:"DIR" help:"Folder for the results, made where it is missing. The same command once more goes on where it was interrupted."`
	Every    int           `xor:"rate" placeholder:"N" min:"0" help:"Answer one frame in N; boxes are carried to those between by optical flow, from both sides."`
	FPS      float64       `name:"fps" xor:"rate" placeholder:"F" min:"0" help:"Answer at most F frames a second; boxes are carried to those between."`
	Sequence bool          `help:"The pictures of a folder follow each other as those of a video do; otherwise each is answered for itself."`
	Format   []string      `default:"jsonl,mp4" enum:"jsonl,mp4,csv,coco,cvat,labelstudio,mot,webvtt,datumaro,yolo,refs" help:"What is written, separated by commas: jsonl, an event a phrase and frame; mp4, the video with its boxes and sound; csv; coco; cvat, CVAT for video 1.1; labelstudio; mot, MOTChallenge 1.1; webvtt, a metadata track; datumaro; yolo, pictures and labels; refs, pictures and phrases for training. What to click to open each is below."`
	CloseGap time.Duration `default:"500ms" min:"0s" help:"A gap in a track up to this long is filled, its boxes on a straight line."`
	Least    time.Duration `name:"least-track" default:"300ms" min:"0s" help:"A track shown for less is left out."`
	Stills   time.Duration `default:"1s" min:"0s" help:"Of a video, yolo and refs take one picture so often; 0 takes every frame."`
	Jobs     int           `default:"1" min:"1" help:"How many inputs are annotated at once. More than one pays where decoding or writing is what takes long."`
	Segment  int           `default:"${segment}" placeholder:"N" min:"1" help:"What was answered is kept every N frames; a run that is killed answers at most that many again."`
	JSON     bool          `help:"Print the summary as JSON."`
	Review   string        `placeholder:"FILE.html" help:"Also write a page to judge the tracks on, the least sure first, with its pictures beside it. Answers are kept, so that --fixes needs no more of them."`
	Fixes    string        `placeholder:"FILE" help:"What was judged on that page (refs.jsonl): boxes that were drawn and refused count more than any answer."`
	Submit   string        `placeholder:"nats://HOST" help:"Put the inputs, cut into jobs, into the queue on this NATS server (JetStream) for others to answer (deixis worker), wait, and write the results: the bytes are those of one machine. Interrupted, the same command goes on."`
	Part     time.Duration `default:"2m" help:"How much of a video is one job of a queue; of a folder, pictures that are a second apart. With --every a video is one job."`
	Results  string        `placeholder:"DIR" help:"A folder that all workers see under the same path, as on a shared disk: results lie there until they are merged, instead of on the queue's server."`
	Upload   bool          `help:"Send the inputs through the queue's server; otherwise workers read them under the same paths, as from a shared folder."`

	AnyWorker bool `help:"Let workers answer that have the same bundle on another processor, provider or version: the bytes may differ from those of one machine."`
	Detach    bool `help:"Submit the jobs, and do not wait."`
	Collect   bool `help:"Submit nothing, and do not wait: write the results of inputs whose jobs are done."`

	queueFlags

	Over bool `help:"Begin anew: replace results of these names that are there already."`
}

// Help says how each format is opened in its tool.
func (*annotateCmd) Help() string {
	return `CVAT: make a project; in the label constructor choose Raw, paste NAME.cvat-labels.json, Done. Make a task with the video. In its menu: Upload annotations, CVAT 1.1, NAME.cvat.xml.

Label Studio: make a project; Settings, Labeling Interface, Code: paste NAME.labelstudio.xml. Import NAME.labelstudio.json (its video is the path or address that Label Studio serves it under: edit "video" where that differs). Boxes show as predictions.

COCO, MOT, Datumaro: in CVAT's menu of a task, Upload annotations, the format's name, the file; or ` + "`datum`" + `, FiftyOne, pycocotools.

YOLO: yolo train data=NAME.yolo/data.yaml.

WebVTT: <track kind="metadata" src="NAME.vtt"> in a <video>; each cue's text is JSON.

refs: ca2m finetune --refs NAME.refs/refs.jsonl.

On many machines: nats-server -js; deixis worker nats://HOST on each; the same command with --submit nats://HOST. deixis queue nats://HOST shows how far it is.`
}

func (c *annotateCmd) validate() error {
	switch {
	case c.CloseGap < 0 || c.Least < 0 || c.Stills < 0:
		return app.Usage(errors.New("annotate: --close-gap, --least-track and --stills are times from 0 up, such as 500ms"))
	case c.Every < 0 || c.FPS < 0:
		return app.Usage(errors.New("annotate: --every is a number from 1 up, and --fps from 0 up"))
	case c.Submit == "" && (c.Results != "" || c.Upload || c.AnyWorker || c.Detach || c.Collect):
		return app.Usage(errors.New("annotate: --results, --upload, --any-worker, --detach and --collect are about a queue (name it with --submit nats://HOST)"))
	case c.Detach && c.Collect || c.Part < time.Second:
		return app.Usage(errors.New("annotate: --part is a time from 1s up, and --detach and --collect exclude each other"))
	case c.Jobs < 1 || c.Segment < 1:
		return app.Usage(errors.New("annotate: --jobs and --segment are numbers from 1 up"))
	case c.Review != "" && strings.ToLower(filepath.Ext(c.Review)) != ".html":
		return app.Usage(fmt.Errorf("annotate --review %s: it is a page (name it .html)", c.Review))
	case len(c.formats()) == 0:
		return app.Usage(errors.New("annotate: --format names nothing to write"))
	case len(c.Phrase) == 0 && c.Phrases == "":
		return app.Usage(errors.New("annotate: what is to be boxed? (name it with --phrase, or a file with --phrases)"))
	}
	return nil
}

// texts are the phrases of the flags and of the file, each once.
func (c *annotateCmd) texts() ([]string, error) {
	texts := pipeline.SplitAll(c.Phrase)
	if c.Phrases != "" {
		raw, err := camera.ReadRegular(c.Phrases, 16<<20)
		if err != nil {
			return nil, fmt.Errorf("read phrases: %w", err)
		}
		before, n := len(texts), 0
		for line := range strings.Lines(strings.TrimPrefix(string(raw), "\ufeff")) {
			n++
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
				return nil, app.Usage(fmt.Errorf("read phrases %s: line %d is no UTF-8 text (save the file as UTF-8)", c.Phrases, n))
			}
			texts = append(texts, line)
		}
		if len(texts) == before {
			return nil, app.Usage(fmt.Errorf("read phrases %s: no phrase in it (one a line)", c.Phrases))
		}
	}
	var once []string
	for _, t := range texts {
		if !slices.Contains(once, t) {
			once = append(once, t)
		}
	}
	return once, nil
}

// An input is one recording or folder of pictures, and what is known of it.
type input struct {
	ref   camera.Ref
	state runfile.Input
	again bool    // a run before this one began it
	parts parts   // in a queue
	fps   float64 // of this run, from opening it until its results were written; 0: it was done
}

// Run annotates the inputs. One that is broken does not keep the others from it; its
// error is returned at the end.
func (c *annotateCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	texts, err := c.texts()
	if err != nil {
		return err
	}
	refs, failed, err := c.find()
	if err != nil {
		return err
	}
	file, err := runfile.OpenIn(c.Out, c.Over)
	switch {
	case errors.Is(err, runfile.ErrOther):
		return app.Usage(fmt.Errorf("annotate: %w (name another --out, or begin anew with --over)", err))
	case errors.Is(err, runfile.ErrBusy):
		return app.Usage(fmt.Errorf("annotate: %w (wait for it, or name another --out)", err))
	case err != nil:
		return app.Output(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var before []string // results that were there, which no mistake in this command may cost
	if c.Over {
		before = file.Clear()
	}
	inputs, err := c.inputs(file, refs)
	if err != nil {
		return err
	}
	a := &annotation{c: c, g: g, file: file, inputs: inputs, before: before}
	if c.Fixes != "" {
		if a.fixes, err = review.Read(c.Fixes); err != nil {
			return app.Input(err)
		}
		for _, f := range a.fixes {
			if !slices.ContainsFunc(refs, func(r camera.Ref) bool { return r.String() == f.Source }) {
				g.Log.Warn("judgements are of a source that is not annotated", "file", c.Fixes, "source", f.Source)
				break
			}
		}
	}
	for _, err := range failed {
		a.fail(err)
	}
	if err := a.run(ctx, texts); err != nil {
		return err
	}
	if err := a.review(ctx); err != nil {
		return err
	}
	return errors.Join(a.summary(), together(a.failed, len(inputs)+len(failed)))
}

// find is what there is to annotate, and errors of folders that hold nothing that can
// be read.
func (c *annotateCmd) find() (refs []camera.Ref, failed []error, err error) {
	for _, source := range c.Inputs {
		found, err := camera.FindRecordings(source, isResult)
		if err != nil {
			if err = app.AsInput(err); app.ExitCode(err) != app.ExitInput || len(c.Inputs) == 1 && len(found) == 0 {
				return nil, nil, err
			}
			failed = append(failed, err)
		}
		for _, ref := range found {
			if ref.Kind == camera.File && len(found) > 1 && isResult(ref.Path) {
				continue
			}
			if ref.Unrelated() && !c.Sequence && (c.Every > 1 || c.FPS > 0) {
				return nil, nil, app.Usage(fmt.Errorf("annotate %q: pictures that do not follow each other are answered one by one (leave --every and --fps, or give --sequence)", ref))
			}
			if ref.Live() {
				return nil, nil, app.Usage(fmt.Errorf("annotate %q: a %s has no end (record it with `deixis live --record` first)", ref, ref.Kind))
			}
			if slices.ContainsFunc(refs, func(r camera.Ref) bool { return r.URI == ref.URI }) {
				continue
			}
			ref.Sequence = c.Sequence
			refs = append(refs, ref)
		}
	}
	return refs, failed, nil
}

// removeStale removes what the run before this one wrote and this one does not replace.
// What is replaced stays until the new is whole; an input stays in any case.
func (a *annotation) removeStale() error {
	var kept []string
	for _, in := range a.inputs {
		kept = append(kept, in.state.Files...)
	}
	var errs []error
	for _, name := range a.before {
		path := filepath.Join(a.c.Out, name)
		isInput := slices.ContainsFunc(a.inputs, func(in *input) bool { return notItself(in.ref, path) != nil })
		if !isInput && !slices.Contains(kept, name) {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

// inputs gives each a name without twins, the one it had before where it had one. No
// result may be a source, or a file that was there before this run.
func (c *annotateCmd) inputs(file *runfile.File, refs []camera.Ref) ([]*input, error) {
	taken := map[string]bool{}
	for _, in := range file.Inputs() {
		taken[in.Name] = true
	}
	var inputs []*input
	var fresh []string
	for _, ref := range refs {
		in := &input{ref: ref}
		if in.state, in.again = file.Of(ref.String()); !in.again {
			name := nameOf(ref)
			for n := 2; taken[name]; n++ {
				name = fmt.Sprintf("%s-%d", nameOf(ref), n)
			}
			taken[name] = true
			in.state = runfile.Input{Name: name, Source: ref.String(), State: runfile.Open, Files: c.results(name, ref), Tracks: []runfile.Track{}}
			for _, name := range in.state.Files {
				fresh = append(fresh, filepath.Join(c.Out, name), filepath.Join(c.Out, partOf(name)))
			}
			if !c.Over || c.Review == "" { // answers that were kept are used again
				fresh = append(fresh, filepath.Join(c.Out, name+segmentsEnding))
			}
		}
		inputs = append(inputs, in)
	}
	if c.Review != "" && !file.Reviewed(c.Review) {
		fresh = append(fresh, c.Review, picturesOf(c.Review))
	}
	for _, in := range inputs {
		if err := notItself(in.ref, fresh...); err != nil {
			return nil, err
		}
	}
	if c.Over {
		return inputs, nil
	}
	return inputs, free(fresh)
}

// free makes sure that none of the files is there: they may be somebody's own.
func free(outs []string) error {
	taken := slices.DeleteFunc(outs, func(out string) bool { _, err := os.Lstat(out); return err != nil })
	if len(taken) == 0 {
		return nil
	}
	return app.Usage(fmt.Errorf("annotate: %s is there already, %d of its results in all (give --over to replace them, or another --out)", taken[0], len(taken)))
}

// nameOf is what the results of a source are called.
func nameOf(ref camera.Ref) string {
	if ref.Kind == camera.TestPattern {
		return "pattern"
	}
	base := filepath.Base(ref.Path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	base = strings.Trim(strings.NewReplacer("*", "", "?", "", "[", "", "]", "").Replace(base), ". ")
	if base == "" {
		return "pictures"
	}
	return base
}

// each calls do for every input, so many at once. An error of do that is returned ends
// all; do keeps those of its input to itself.
func each(ctx context.Context, inputs []*input, jobs int, do func(ctx context.Context, n int) error) error {
	group, whole := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for n := range inputs {
		if whole.Err() != nil {
			break
		}
		group.Go(func() error { return do(whole, n) })
	}
	return errors.Join(group.Wait(), ctx.Err())
}

// A fewError says how many inputs failed, each of which was told by itself.
type fewError struct {
	says string
	errs []error
}

func (e *fewError) Error() string   { return e.says }
func (e *fewError) Unwrap() []error { return e.errs }

// together is one error of those of several inputs; nil for none.
func together(errs []error, of int) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return &fewError{fmt.Sprintf("annotate: %d of %d inputs are broken, the first of them: %v", len(errs), of, errs[0]), errs}
}
