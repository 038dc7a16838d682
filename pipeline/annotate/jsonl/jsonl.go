// Package jsonl writes a JSON line for each phrase on each frame, event.Recorded, also
// where nothing was found.
package jsonl

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/annotate"
	"deixis/pipeline/event"
)

// Write writes v.
func Write(w io.Writer, v *annotate.Video) error {
	buffered := bufio.NewWriter(w)
	lines := json.NewEncoder(buffered)
	err := v.Views(func(frame int, views []pipeline.View) error {
		p := v.Frames[frame]
		f := camera.Frame{Seq: uint64(frame + 1), PTS: v.First + p.At, File: cmp.Or(p.File, v.File), Width: p.Width, Height: p.Height}
		for i := range views {
			e := event.NewEvent(v.Source, &f, &views[i])
			if err := lines.Encode(e.Recorded()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return buffered.Flush()
}
