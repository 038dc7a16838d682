// Package csv writes one line a box (RFC 4180), for spreadsheets and pandas.
package csv

import (
	"encoding/csv"
	"io"
	"strconv"

	"deixis/pipeline/annotate"
)

// header names the columns: frame from 0, time in seconds, corners in pixels.
var header = []string{"source", "file", "frame", "time", "phrase", "track", "x1", "y1", "x2", "y2", "score"}

// Write writes v.
func Write(w io.Writer, v *annotate.Video) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	err := v.ByFrame(func(p annotate.Placed) error {
		f := v.Frames[p.Box.Frame]
		return out.Write([]string{
			v.Source, f.File, strconv.Itoa(p.Box.Frame), number(f.At.Seconds(), 6), v.Phrases[p.Phrase], strconv.Itoa(p.ID),
			number(float64(p.X1), 2), number(float64(p.Y1), 2), number(float64(p.X2), 2), number(float64(p.Y2), 2), number(float64(p.Score), 3),
		})
	})
	out.Flush()
	if err != nil {
		return err
	}
	return out.Error()
}

func number(x float64, digits int) string { return strconv.FormatFloat(x, 'f', digits, 64) }
