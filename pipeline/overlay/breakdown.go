package overlay

import (
	"fmt"
	"image"
	"strings"
	"time"

	"deixis/pipeline"
)

// What the breakdown tells of, and how often it is told anew.
var breakdownStages = []pipeline.Stage{
	pipeline.StageTake, pipeline.StageResize, pipeline.StageFrame, pipeline.StageGround,
	pipeline.StageCarry, pipeline.StageDraw, pipeline.StageEncode, pipeline.StageFresh,
}

const breakdownEvery = 500 * time.Millisecond

// A breakdown says what the stages take, in words for the overlay.
type breakdown struct {
	text string
	told time.Time
}

// of is the medians of the newest times, ms.
func (b *breakdown) of(t *pipeline.Timings, now time.Time) string {
	if b.text != "" && now.Sub(b.told) < breakdownEvery {
		return b.text
	}
	var parts []string
	for _, s := range breakdownStages {
		if of := t.Of(s); of.N > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f", s, float64(of.P50)/float64(time.Millisecond)))
		}
	}
	b.told = now
	if b.text = "waiting for the first answer"; len(parts) > 0 {
		b.text = strings.Join(parts, "  ") + " ms"
	}
	return b.text
}

// stages writes the breakdown across the top of the picture, and returns its place.
func (o *Overlay) stages(c canvas, m metrics) image.Rectangle {
	text := o.letters.shorten(o.told.of(o.Times, time.Now()), c.f.Width-4*m.gap-2*m.pad)
	r := image.Rect(m.gap, m.gap, m.gap+o.letters.width(text)+2*m.pad, m.gap+o.letters.height+m.pad)
	c.plate(r, m.radius, shade)
	o.letters.write(c, r.Min.X+m.pad, r.Min.Y+m.pad/2, text, paper)
	return r
}
