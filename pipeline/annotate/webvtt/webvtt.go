// Package webvtt writes a WebVTT metadata track (W3C WebVTT, kind=metadata): a cue
// for each box, from its frame's time to the next frame's, whose text is JSON with
// phrase, track, score, and xywh in pixels, as in a media fragment.
package webvtt

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"deixis/model"
	"deixis/pipeline/annotate"
)

type cue struct {
	Phrase string     `json:"phrase"`
	Track  int        `json:"track"`
	Box    [4]float64 `json:"xywh"`
	Score  float64    `json:"score"`
}

// Write writes v.
func Write(w io.Writer, v *annotate.Video) error {
	if _, err := fmt.Fprintf(w, "WEBVTT %s\n", strings.ReplaceAll(strings.Join(strings.Fields(v.Name), " "), "-->", "")); err != nil {
		return err
	}
	return v.ByFrame(func(p annotate.Placed) error {
		x, y := model.Round(float64(p.X1), 2), model.Round(float64(p.Y1), 2)
		// json.Marshal escapes ">", so that no text holds the arrow that ends a cue.
		raw, err := json.Marshal(cue{v.Phrases[p.Phrase], p.ID, [4]float64{x, y, model.Round(float64(p.X2)-x, 2), model.Round(float64(p.Y2)-y, 2)}, model.Round(float64(p.Score), 3)})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "\n%d:%d\n%s --> %s\n%s\n", p.ID, p.Box.Frame, clock(v.Frames[p.Box.Frame].At), clock(v.End(p.Box.Frame)), raw)
		return err
	})
}

// clock is a WebVTT timestamp, to the millisecond.
func clock(d time.Duration) string {
	ms := d.Round(time.Millisecond).Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}
