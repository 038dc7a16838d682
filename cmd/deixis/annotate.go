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

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

// annotateCmd is `deixis annotate`.
type annotateCmd struct {
	Inputs   []string      `arg:"" name:"input" placeholder:"INPUT" help:"Videos, folders or globs of pictures."`
	Phrase   []string      `short:"p" required:"" sep:"none" placeholder:"PHRASE" help:"What to box; several are separated by ; or given one by one."`
	Out      string        `required:"" placeholder:"DIR" help:"Folder for the results, made where it is missing."`
	Sequence bool          `help:"The pictures of a folder follow each other as those of a video do; otherwise each is answered for itself."`
	Format   []string      `default:"jsonl,mp4" enum:"jsonl,mp4,csv,coco,cvat,labelstudio,mot,webvtt,datumaro" help:"What is written, separated by commas: jsonl, an event a phrase and frame; mp4, the video with its boxes; csv, coco, cvat (CVAT for video 1.1: upload the .xml under Actions, Upload annotations, after its labels were pasted into the raw view of the label constructor), labelstudio (import the .json; its .xml is the labelling interface), mot (MOT 1.1), webvtt (a metadata track), datumaro."`
	CloseGap time.Duration `default:"500ms" help:"A gap in a track up to this long is filled, its boxes on a straight line."`
	Least    time.Duration `name:"least-track" default:"300ms" help:"A track shown for less is left out."`
	Over     bool          `help:"Replace results of these names that are there already."`
}

// job is one input and the names of what comes of it, without extension.
type job struct {
	ref camera.Ref
	out string
}

// Run annotates the inputs one after the other. One that is broken does not
// keep the others from it; its error is returned at the end.
func (c *annotateCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if c.CloseGap < 0 || c.Least < 0 {
		return app.Usage(errors.New("annotate: --close-gap and --least-track are times from 0 up, such as 500ms"))
	}
	jobs, err := c.jobs()
	if err != nil {
		return err
	}
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	ps, err := by.Asker(g.Log).Phrases(pipeline.SplitAll(c.Phrase))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return app.Output(fmt.Errorf("make folder: %w", err))
	}
	var errs []error
	for i, j := range jobs {
		err := c.annotate(ctx, g, by, j, ps, fmt.Sprintf("%d/%d", i+1, len(jobs)))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// jobs finds all inputs before any work begins, and names without twins, none
// of which is an input.
func (c *annotateCmd) jobs() ([]job, error) {
	var jobs []job
	var outs []string
	taken := map[string]bool{}
	for _, input := range c.Inputs {
		ref, err := camera.Parse(input)
		if err != nil {
			return nil, app.AsInput(err)
		}
		ref.Sequence = c.Sequence
		if ref.Live() {
			return nil, app.Usage(fmt.Errorf("annotate %q: a %s has no end (record it with `deixis live --record` first)", ref, ref.Kind))
		}
		name := nameOf(ref)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", nameOf(ref), n)
		}
		taken[name] = true
		j := job{ref, filepath.Join(c.Out, name)}
		for _, ending := range c.endings() {
			outs = append(outs, j.out+ending)
		}
		jobs = append(jobs, j)
	}
	for _, j := range jobs {
		if err := notItself(j.ref, outs...); err != nil {
			return nil, err
		}
	}
	if !c.Over {
		return jobs, free(outs)
	}
	return jobs, nil
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

// annotate runs one input through the model, every frame of it.
func (c *annotateCmd) annotate(ctx context.Context, g *app.Globals, by *app.Network, j job, ps []model.Phrase, which string) (err error) {
	from, err := opencv.Open(ctx, j.ref, g.Sources())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	out, err := c.openResults(j, phrasesOf(ps), by.Bundle.Threshold.Present, from.Info().FPS, g)
	if err != nil {
		return err
	}
	p := newProgress(g, which+" "+filepath.Base(j.out), from.Info().Frames)
	run := line.New(line.Config{
		From: from, By: by, Log: g.Log, Unrelated: j.ref.Unrelated(), Answered: out.found.Take,
		Outputs: []pipeline.Output{{Name: "progress", To: p, Needs: pipeline.NoPixels, EveryFrame: true}},
	})
	run.SetPhrases(ps)
	err = run.Recording(ctx)
	p.end(err == nil && ctx.Err() == nil)
	whole := ctx.Err() == nil && (err == nil || errors.Is(err, camera.ErrLacking)) // there is no more to be had
	return errors.Join(err, out.finish(ctx, whole))
}

func phrasesOf(ps []model.Phrase) []string {
	var texts []string
	for _, p := range ps {
		texts = append(texts, p.Text)
	}
	return texts
}
