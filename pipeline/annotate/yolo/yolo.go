// Package yolo writes the YOLO detection format as Ultralytics reads it: a folder with
// images/train, labels/train and data.yaml. A label file has a line a box: class, centre
// x and y, width and height, each a share of the picture's side; classes count from 0.
package yolo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deixis/pipeline/annotate"
)

// Picture is where the picture of a frame belongs, in the folder.
func Picture(v *annotate.Video, frame int) string {
	return filepath.Join("images", "train", v.Still(frame))
}

// Write writes all but the pictures into a folder. A still without a box has an empty
// label file: a picture of background.
func Write(dir string, v *annotate.Video, stills []int) error {
	labels := filepath.Join(dir, "labels", "train")
	if err := os.MkdirAll(labels, 0o755); err != nil {
		return err
	}
	err := v.OnStills(stills, func(frame int, boxes []annotate.Placed) error {
		var b bytes.Buffer
		f := v.Frames[frame]
		w, h := float64(f.Width), float64(f.Height)
		for _, p := range boxes {
			x1, y1, x2, y2 := float64(p.X1)/w, float64(p.Y1)/h, float64(p.X2)/w, float64(p.Y2)/h
			fmt.Fprintf(&b, "%d %.6f %.6f %.6f %.6f\n", p.Phrase, (x1+x2)/2, (y1+y2)/2, x2-x1, y2-y1)
		}
		name := strings.TrimSuffix(v.Still(frame), ".jpg") + ".txt"
		return os.WriteFile(filepath.Join(labels, name), b.Bytes(), 0o644)
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("train: images/train\nval: images/train\nnames:\n")
	for i, p := range v.Phrases {
		quoted, err := json.Marshal(p) // a JSON string is one of YAML, too
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "  %d: %s\n", i, quoted)
	}
	return os.WriteFile(filepath.Join(dir, "data.yaml"), b.Bytes(), 0o644)
}
