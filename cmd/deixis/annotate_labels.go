package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/coco"
	"deixis/pipeline/annotate/csv"
	"deixis/pipeline/annotate/cvat"
	"deixis/pipeline/annotate/datumaro"
	"deixis/pipeline/annotate/labelstudio"
	"deixis/pipeline/annotate/mot"
	"deixis/pipeline/annotate/webvtt"
	"deixis/pipeline/outfile"
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
}

// labelFiles are those that were asked for.
func (c *annotateCmd) labelFiles() []labelFile {
	var files []labelFile
	for _, format := range c.Format {
		files = append(files, labelFormats[format]...)
	}
	return files
}

// endings are those of all results of one input.
func (c *annotateCmd) endings() []string {
	var all []string
	for _, format := range c.Format {
		if _, later := labelFormats[format]; !later {
			all = append(all, "."+format)
		}
	}
	for _, f := range c.labelFiles() {
		all = append(all, f.ending)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// labels are the files of one input.
type labels struct {
	found *annotate.Collector
	files []labelFile
	to    []*outfile.File
	log   *slog.Logger
}

// openLabels makes sure that all files can be written, before any work is done.
func openLabels(j job, files []labelFile, phrases []string, log *slog.Logger) (*labels, error) {
	l := &labels{found: annotate.NewCollector(filepath.Base(j.out), j.ref.String(), phrases), files: files, log: log}
	l.found.Unrelated = j.ref.Unrelated()
	for _, f := range files {
		to, err := outfile.Create(j.out+f.ending, log)
		if err != nil {
			return nil, app.Output(errors.Join(fmt.Errorf("write labels: %w", err), l.discard()))
		}
		l.to = append(l.to, to)
	}
	return l, nil
}

func (l *labels) discard() error {
	var errs []error
	for _, to := range l.to {
		errs = append(errs, to.Discard())
	}
	return errors.Join(errs...)
}

// end writes the files. Of a recording that was not read to its end they stay parts.
func (l *labels) end(whole bool) error {
	var errs []error
	for i, to := range l.to {
		err := l.files[i].write(to, l.found.Video())
		switch {
		case err != nil:
			err = errors.Join(err, to.Close())
		case whole:
			err = to.Commit()
		default:
			l.log.Warn("the labels are not whole", "kept", to.Part())
			err = to.Close()
		}
		if err != nil {
			errs = append(errs, app.Output(fmt.Errorf("write labels: %w", err)))
		}
	}
	return errors.Join(errs...)
}
