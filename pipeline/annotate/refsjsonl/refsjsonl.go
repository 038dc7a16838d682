// Package refsjsonl writes stills and phrases as the trainer's dataset format,
// refs.jsonl: one referring expression a line, with its box in the picture, or null
// where what it names is not there.
package refsjsonl

import (
	"os"
	"path/filepath"

	"deixis/model"
	"deixis/model/refs"
	"deixis/pipeline/annotate"
)

// Picture is where the picture of a frame belongs, in the folder.
func Picture(v *annotate.Video, frame int) string { return filepath.Join("images", v.Still(frame)) }

// Write writes refs.jsonl into a folder.
func Write(dir string, v *annotate.Video, stills []int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var all []refs.Ref
	err := v.OnStills(stills, func(frame int, boxes []annotate.Placed) error {
		at := make([]*model.Box, len(v.Phrases))
		for _, p := range boxes {
			box := p.Box.Box
			at[p.Phrase] = &box
		}
		for i, phrase := range v.Phrases {
			all = append(all, refs.Ref{Image: filepath.ToSlash(Picture(v, frame)), Phrase: phrase, Box: at[i], Split: "train", Source: "deixis"})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return refs.Write(filepath.Join(dir, "refs.jsonl"), all)
}
