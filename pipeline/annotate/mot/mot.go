// Package mot writes MOTChallenge 1.1 as the zip that CVAT and Datumaro read: gt.txt
// with `frame, id, left, top, width, height, confidence, class, visibility`, where
// frames, ids and classes count from 1, and labels.txt with a class a line.
package mot

import (
	"archive/zip"
	"fmt"
	"io"
	"strings"

	"deixis/pipeline/annotate"
)

// Write writes v. A line feed in a phrase would make two classes: it becomes a blank.
func Write(w io.Writer, v *annotate.Video) error {
	z := zip.NewWriter(w)
	gt, err := z.Create("gt/gt.txt")
	if err != nil {
		return err
	}
	err = v.ByFrame(func(p annotate.Placed) error {
		_, err := fmt.Fprintf(gt, "%d,%d,%.2f,%.2f,%.2f,%.2f,1,%d,1\n", p.Box.Frame+1, p.ID, p.X1, p.Y1, p.X2-p.X1, p.Y2-p.Y1, p.Phrase+1)
		return err
	})
	if err != nil {
		return err
	}
	labels, err := z.Create("gt/labels.txt")
	if err != nil {
		return err
	}
	for _, p := range v.Phrases {
		if _, err := fmt.Fprintln(labels, strings.Join(strings.Fields(p), " ")); err != nil {
			return err
		}
	}
	info, err := z.Create("seqinfo.ini")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(info, "[Sequence]\nname=%s\nimDir=img1\nframeRate=%d\nseqLength=%d\nimWidth=%d\nimHeight=%d\nimExt=.jpg\n",
		strings.Join(strings.Fields(v.Name), " "), max(1, int(v.FPS()+0.5)), len(v.Frames), v.Width, v.Height)
	if err != nil {
		return err
	}
	return z.Close()
}
