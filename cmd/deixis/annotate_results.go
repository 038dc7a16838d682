package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	"deixis/pipeline/annotate/refsjsonl"
	"deixis/pipeline/annotate/runfile"
	"deixis/pipeline/annotate/webvtt"
	"deixis/pipeline/annotate/yolo"
	"deixis/pipeline/outfile"
	"deixis/pipeline/overlay"
	"deixis/pipeline/record"
)

// A labelFile is one file of a format.
type labelFile struct {
	ending string // of its name
	write  func(io.Writer, *annotate.Video) error
}

// labelFormats are the formats that are files.
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

// A labelFolder is a format with pictures in it.
type labelFolder struct {
	ending  string
	write   func(dir string, v *annotate.Video, stills []int) error // all but the pictures
	picture func(v *annotate.Video, frame int) string               // where one belongs
}

// labelFolders are the formats that are folders.
var labelFolders = map[string]labelFolder{
	"yolo": {".yolo", yolo.Write, yolo.Picture},
	"refs": {".refs", refsjsonl.Write, refsjsonl.Picture},
}

const (
	video          = "mp4" // the format that is no label file
	segmentsEnding = ".segments"
	stillQuality   = 95 // of JPEG
)

// isResult says whether a file or folder is what a run of annotate wrote, or a folder
// that one writes into: one with a run.json of its own.
func isResult(path string) bool {
	if page := strings.TrimSuffix(path, stillsEnding) + ".html"; strings.HasSuffix(path, stillsEnding) {
		if _, err := os.Stat(page); err == nil {
			return true
		}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() && runfile.Results(path) != nil {
		return true
	}
	name, results := filepath.Base(path), runfile.Results(filepath.Dir(path))
	if strings.HasSuffix(name, segmentsEnding) && results != nil {
		return true
	}
	return slices.ContainsFunc(results, func(of string) bool { return name == of || name == partOf(of) })
}

// partOf is what a file or folder is called until it is whole.
func partOf(name string) string { return outfile.PartOf(name) }

// formats are those asked for, each once.
func (c *annotateCmd) formats() []string {
	return slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(c.Format))), func(f string) bool { return f == "" })
}

// formatsOf are those that an input can have: Label Studio's is of videos.
func (c *annotateCmd) formatsOf(ref camera.Ref) []string {
	return slices.DeleteFunc(c.formats(), func(f string) bool { return f == "labelstudio" && ref.Kind == camera.Images })
}

// results are the names of all files and folders of one input.
func (c *annotateCmd) results(name string, ref camera.Ref) []string {
	var all []string
	for _, format := range c.formatsOf(ref) {
		for _, f := range labelFormats[format] {
			all = append(all, name+f.ending)
		}
		if f, ok := labelFolders[format]; ok {
			all = append(all, name+f.ending)
		}
		if format == video {
			all = append(all, name+"."+video)
		}
	}
	return all
}

// write writes all results of an input; each gets its name when it is whole.
func (a *annotation) write(ctx context.Context, in *input, v *annotate.Video, bar *bar) error {
	if v.Passed() && len(v.Tracks) > 0 {
		bar.phase("carrying boxes")
		if err := a.through(ctx, in, func(next func(*camera.Frame) error) error { return v.Carry(next) }); err != nil {
			return err
		}
	}
	bar.phase("writing")
	out := filepath.Join(a.c.Out, in.state.Name)
	formats := a.c.formatsOf(in.ref)
	if len(formats) < len(a.settings.Formats) {
		a.g.Log.Warn("Label Studio's format is of videos, and is not written of pictures", "input", in.state.Name)
	}
	for _, format := range formats {
		for _, f := range labelFormats[format] {
			if err := a.writeFile(out+f.ending, in, func(w io.Writer) error { return f.write(w, v) }); err != nil {
				return app.Output(fmt.Errorf("write labels: %w", err))
			}
		}
	}
	stills := v.Stills(a.c.Stills)
	var folders []labelFolder
	for _, format := range formats {
		if f, ok := labelFolders[format]; ok {
			folders = append(folders, f)
		}
	}
	if err := a.writeFolders(ctx, in, v, folders, stills); err != nil {
		return err
	}
	if slices.Contains(a.settings.Formats, video) && len(v.Frames) > 0 {
		bar.phase("drawing")
		err := a.draw(ctx, in, v)
		if !errors.Is(err, errNotDrawn) {
			return err
		}
		if err != nil { // all else is there
			in.state.Files = slices.DeleteFunc(in.state.Files, func(name string) bool { return name == in.state.Name+"."+video })
			in.state.Error = err.Error()
		}
	}
	return nil
}

// writeFile writes one file under a name of its own until it is whole.
func (a *annotation) writeFile(path string, in *input, write func(io.Writer) error) error {
	if err := a.clean(path, in); err != nil {
		return err
	}
	to, err := outfile.Create(path, a.g.Log)
	if err != nil {
		return err
	}
	if err := write(to); err != nil {
		return errors.Join(err, to.Discard())
	}
	return to.Commit()
}

// clean removes what an interrupted run left of a file of its own.
func (a *annotation) clean(path string, in *input) error {
	if !in.again {
		return nil
	}
	if err := os.Remove(outfile.PartOf(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeFolders writes the formats with pictures, reading the input once for all of them.
func (a *annotation) writeFolders(ctx context.Context, in *input, v *annotate.Video, folders []labelFolder, stills []int) error {
	if len(folders) == 0 {
		return nil
	}
	part := func(f labelFolder) string { return filepath.Join(a.c.Out, partOf(in.state.Name+f.ending)) }
	for _, f := range folders {
		if err := errors.Join(os.RemoveAll(part(f)), f.write(part(f), v, stills)); err != nil {
			return app.Output(fmt.Errorf("write labels: %w", err))
		}
		for _, still := range stills[:min(1, len(stills))] {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(part(f), f.picture(v, still))), 0o755); err != nil {
				return app.Output(err)
			}
		}
	}
	err := a.through(ctx, in, func(next func(*camera.Frame) error) error {
		var f camera.Frame
		for frame := 0; len(stills) > 0; frame++ {
			if err := next(&f); err != nil {
				return err
			}
			if frame != stills[0] {
				continue
			}
			stills = stills[1:]
			jpeg, err := opencv.EncodeJPEG(&f, stillQuality)
			for _, to := range folders {
				if err == nil {
					err = os.WriteFile(filepath.Join(part(to), to.picture(v, frame)), jpeg, 0o644)
				}
			}
			if err != nil {
				return app.Output(fmt.Errorf("write picture: %w", err))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range folders {
		whole := filepath.Join(a.c.Out, in.state.Name+f.ending)
		if err := errors.Join(os.RemoveAll(whole), outfile.SyncAll(part(f)), os.Rename(part(f), whole)); err != nil {
			return app.Output(fmt.Errorf("write labels: %w", err))
		}
	}
	return nil
}

// through reads an input once more, from its first frame, for do.
func (a *annotation) through(ctx context.Context, in *input, do func(next func(*camera.Frame) error) error) (err error) {
	quiet := a.g.Sources()
	quiet.Log = slog.New(slog.DiscardHandler) // what ails the input was told the first time
	from, err := opencv.Open(ctx, in.ref, quiet)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault(fmt.Errorf("read %s again: %w", in.ref, err))
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	return do(func(f *camera.Frame) error {
		if err := from.Next(ctx, f); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, io.EOF) {
				err = camera.ErrChanged
			}
			return fault(app.Input(fmt.Errorf("read %s again: %w", in.ref, err)))
		}
		return nil
	})
}

// errNotDrawn says that pictures are of a kind that no encoder takes.
var errNotDrawn = errors.New("no video is drawn of it")

// draw writes the input with its boxes on it.
func (a *annotation) draw(ctx context.Context, in *input, v *annotate.Video) error {
	path := filepath.Join(a.c.Out, in.state.Name+"."+video)
	if err := a.clean(path, in); err != nil {
		return app.Output(err)
	}
	o := record.Options{FPS: v.FPS(), Log: a.g.Log}
	if in.ref.Kind == camera.File {
		o.Sound = in.ref.Path
	}
	to, err := record.New(path, o)
	if err != nil {
		return app.Output(err)
	}
	err = a.through(ctx, in, func(next func(*camera.Frame) error) error {
		var f camera.Frame
		drawing := &overlay.Overlay{}
		return v.Views(func(_ int, views []pipeline.View) error {
			if err := next(&f); err != nil {
				return err
			}
			drawing.Draw(&f, views)
			return to.Show(ctx, &f, views)
		})
	})
	if err == nil {
		if err = to.Close(); err != nil && !errors.Is(err, record.ErrFull) {
			err = fmt.Errorf("%w: %w", errNotDrawn, err)
		}
		return err
	}
	if errors.Is(err, record.ErrRecord) && !errors.Is(err, record.ErrFull) {
		err = fmt.Errorf("%w: %w", errNotDrawn, err)
	}
	part, closeErr := to.Abandon()
	if part != "" {
		closeErr = errors.Join(closeErr, os.Remove(part)) // the next run draws it anew
	}
	return errors.Join(err, closeErr)
}
