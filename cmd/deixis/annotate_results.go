package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/coco"
	"deixis/pipeline/annotate/csv"
	"deixis/pipeline/annotate/cvat"
	"deixis/pipeline/annotate/datumaro"
	"deixis/pipeline/annotate/jsonl"
	"deixis/pipeline/annotate/labelstudio"
	"deixis/pipeline/annotate/mot"
	"deixis/pipeline/annotate/webvtt"
	"deixis/pipeline/outfile"
	"deixis/pipeline/overlay"
	"deixis/pipeline/record"
)

// A labelFile is one file of a format.
type labelFile struct {
	ending string // of its name
	write  func(io.Writer, *annotate.Video) error
}

// labelFormats are the formats that are written once a recording is over.
var labelFormats = map[string][]labelFile{
	"csv":         {{".csv", csv.Write}},
	"coco":        {{".coco.json", coco.Write}},
	"cvat":        {{".cvat.xml", cvat.Write}, {".cvat-labels.json", cvat.WriteLabels}},
	"labelstudio": {{".labelstudio.json", labelstudio.Write}, {".labelstudio.xml", labelstudio.WriteConfig}},
	"mot":         {{".mot.zip", mot.Write}},
	"webvtt":      {{".vtt", webvtt.Write}},
	"datumaro":    {{".datumaro.zip", datumaro.Write}},
	"jsonl":       {{".jsonl", jsonl.Write}},
}

// files are the label files that were asked for.
func (c *annotateCmd) files() []labelFile {
	var files []labelFile
	for _, format := range c.formats() {
		files = append(files, labelFormats[format]...)
	}
	return files
}

// formats are those asked for, each once.
func (c *annotateCmd) formats() []string {
	return slices.Compact(slices.Sorted(slices.Values(c.Format)))
}

// video is the name of the format that is no label file.
const video = "mp4"

// endings are those of all results of one input.
func (c *annotateCmd) endings() []string {
	var all []string
	if slices.Contains(c.Format, video) {
		all = append(all, "."+video)
	}
	for _, f := range c.files() {
		all = append(all, f.ending)
	}
	return all
}

// results are the files of one input, and what is found in it.
type results struct {
	g     *app.Globals
	ref   camera.Ref
	found *annotate.Collector
	files []labelFile
	to    []*outfile.File
	video *record.Recorder // nil for none
}

// openResults makes sure that all files can be written, before any work is done.
func (c *annotateCmd) openResults(j job, phrases []string, present float32, fps float64, g *app.Globals) (*results, error) {
	s := annotate.DefaultSettings
	s.Present = present
	s.Unrelated, s.CloseGap, s.Least = j.ref.Unrelated(), c.CloseGap, c.Least
	out := &results{g: g, ref: j.ref, found: annotate.NewCollector(filepath.Base(j.out), j.ref.String(), phrases, s), files: c.files()}
	for _, f := range out.files {
		to, err := outfile.Create(j.out+f.ending, g.Log)
		if err != nil {
			return nil, errors.Join(app.Output(fmt.Errorf("write labels: %w", err)), out.discard())
		}
		out.to = append(out.to, to)
	}
	if slices.Contains(c.Format, video) {
		var err error
		if out.video, err = record.New(j.out+"."+video, record.Options{FPS: fps, Log: g.Log}); err != nil {
			return nil, errors.Join(err, out.discard())
		}
	}
	return out, nil
}

func (r *results) discard() error {
	var errs []error
	for _, to := range r.to {
		errs = append(errs, to.Discard())
	}
	return errors.Join(errs...)
}

// finish writes all files. Of a recording that was not read to its end the labels so
// far stay parts, and no video is drawn.
func (r *results) finish(ctx context.Context, whole bool) error {
	var errs []error
	v := r.found.Video()
	for i, to := range r.to {
		err := r.files[i].write(to, v)
		switch {
		case err != nil:
			err = errors.Join(err, to.Close())
		case whole:
			err = to.Commit()
		default:
			r.g.Log.Warn("the labels are not whole", "kept", to.Part())
			err = to.Close()
		}
		if err != nil {
			errs = append(errs, app.Output(fmt.Errorf("write labels: %w", err)))
		}
	}
	if r.video == nil {
		return errors.Join(errs...)
	}
	if whole {
		errs = append(errs, r.draw(ctx, v))
	} else {
		_, err := r.video.Abandon() // nothing was drawn yet
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// draw reads the input again and writes it with its boxes.
func (r *results) draw(ctx context.Context, v *annotate.Video) (err error) {
	quiet := r.g.Sources()
	quiet.Log = slog.New(slog.DiscardHandler) // what ails the input was told the first time
	from, err := opencv.Open(ctx, r.ref, quiet)
	if err == nil {
		err = r.drawAll(ctx, from, v)
		err = errors.Join(err, from.Close())
	}
	if err == nil {
		return r.video.Close()
	}
	part, closeErr := r.video.Abandon()
	if part != "" {
		r.g.Log.Warn("the video is not whole", "kept", part)
	}
	return errors.Join(err, closeErr)
}

func (r *results) drawAll(ctx context.Context, from opencv.Source, v *annotate.Video) error {
	var f camera.Frame
	drawing := &overlay.Overlay{}
	return v.Views(func(_ int, views []pipeline.View) error {
		if err := from.Next(ctx, &f); err != nil {
			return fmt.Errorf("read %s again: %w", r.ref, err)
		}
		drawing.Draw(&f, views)
		return r.video.Show(ctx, &f, views)
	})
}
