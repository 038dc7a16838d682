// Package overlay paints what is known on frames: boxes with labels, captions, the
// heat map of attention, what the stages take.
package overlay

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// palette tells phrases apart: the first phrase has the first colour. All are
// light enough for black letters, and differ for eyes that do not see red and
// green apart.
var palette = []color.NRGBA{
	{0x4C, 0xD9, 0xFF, 255}, // sky
	{0xFF, 0xC8, 0x2E, 255}, // amber
	{0xFF, 0x8A, 0xD8, 255}, // pink
	{0x8C, 0xF0, 0x7A, 255}, // green
	{0xFF, 0x8B, 0x5E, 255}, // orange
	{0xC4, 0xB0, 0xFF, 255}, // violet
}

var (
	ink    = color.NRGBA{0x10, 0x14, 0x18, 255} // letters on a colour
	paper  = color.NRGBA{0xF4, 0xF6, 0xF8, 255} // letters on a shade
	shade  = color.NRGBA{0x0C, 0x10, 0x14, 190} // behind letters that stand alone
	border = color.NRGBA{0x0C, 0x10, 0x14, 140} // around lines, for light pictures
)

// Color is that of the i-th phrase, as the overlay shows it.
func Color(i int) color.NRGBA { return palette[i%len(palette)] }

// Overlay paints views on frames. It belongs to one goroutine.
type Overlay struct {
	ShowAge bool              // also say how old the answer is; of no use in a recording
	Times   *pipeline.Timings // also say what the stages take; nil does not
	Caption func() string     // also say what was heard, a line at the bottom; nil says nothing

	size    int // of the letters, pixels
	letters *lettering
	told    breakdown
}

// metrics are the sizes that fit a frame, in pixels.
type metrics struct {
	text, line, edge, dash, pad, gap, radius int
}

// measure scales with the picture's short side, so that 480p and 4K read alike.
func measure(f *camera.Frame) metrics {
	short := float64(min(f.Width, f.Height))
	px := func(share float64, least int) int { return max(least, int(math.Round(short*share))) }
	return metrics{
		text: px(0.034, 11), line: px(0.0058, 2), edge: px(0.0016, 1), dash: px(0.022, 5),
		pad: px(0.010, 3), gap: px(0.008, 2), radius: px(0.008, 2),
	}
}

// prepare makes letters of the frame's size, where it has changed.
func (o *Overlay) prepare(m metrics) bool {
	if o.letters != nil && o.size == m.text {
		return true
	}
	l, err := newLettering(m.text)
	if err != nil {
		return false
	}
	o.size, o.letters = m.text, l
	return true
}

// Draw paints a box with its label for each view that has one, and a line at
// the bottom for each that has none.
func (o *Overlay) Draw(f *camera.Frame, views []pipeline.View) {
	m := measure(f)
	if f.Width < 8 || f.Height < 8 || !o.prepare(m) {
		return
	}
	c := canvas{f}
	for i := range views {
		if views[i].HasBox() {
			drawBox(c, m, &views[i], Color(i))
		}
	}
	taken := o.banners(c, m, views)
	if o.Times != nil {
		taken = append(taken, o.stages(c, m))
	}
	for i := range views {
		if views[i].HasBox() {
			taken = append(taken, o.label(c, m, &views[i], Color(i), taken))
		}
	}
}

// drawBox draws the box's border: whole when locked, dashed when unsure.
func drawBox(c canvas, m metrics, v *pipeline.View, paint color.NRGBA) {
	r := rect(v).Intersect(c.bounds())
	dash := 0
	if v.State == pipeline.Unsure {
		dash = m.dash
	}
	c.frame(r.Inset(-m.edge), m.line+2*m.edge, dash, border)
	c.frame(r, m.line, dash, paint)
}

// rect is the box in whole pixels.
func rect(v *pipeline.View) image.Rectangle {
	near := func(x float32) int { return int(math.Round(float64(x))) }
	return image.Rect(near(v.Box.X1), near(v.Box.Y1), near(v.Box.X2), near(v.Box.Y2))
}

// numbers is what follows the phrase on its label.
func (o *Overlay) numbers(v *pipeline.View) string {
	s := fmt.Sprintf("%.0f%%", 100*v.Score)
	if v.State == pipeline.Unsure {
		s += " ?"
	}
	if o.ShowAge {
		s += "  " + age(v.Age)
	}
	return s
}

// age is short enough for a label.
func age(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// label writes phrase and numbers beside the box, wholly inside the frame and
// off the places taken where that is possible. It returns its own place.
func (o *Overlay) label(c canvas, m metrics, v *pipeline.View, paint color.NRGBA, taken []image.Rectangle) image.Rectangle {
	numbers := o.numbers(v)
	after := o.letters.width(numbers)
	space := o.letters.width("  ")
	widest := min(c.f.Width, max(c.f.Width*6/10, 12*m.text)) - 2*m.gap
	phrase := o.letters.shorten(plain(v.Phrase), widest-2*m.pad-space-after)
	w := o.letters.width(phrase) + space + after + 2*m.pad
	h := o.letters.height + m.pad
	at := place(c.bounds().Inset(m.gap), rect(v), image.Pt(w, h), m.gap, taken)
	c.plate(at, m.radius, paint)
	x, y := at.Min.X+m.pad, at.Min.Y+m.pad/2
	o.letters.write(c, x, y, phrase, ink)
	soft := ink
	soft.A = 190
	o.letters.write(c, x+o.letters.width(phrase)+space, y, numbers, soft)
	return at
}

// place finds where a label of that size goes: above the box, below it, inside
// its top, inside its bottom, or else the first free line down from its top.
func place(in, box image.Rectangle, size image.Point, gap int, taken []image.Rectangle) image.Rectangle {
	x := max(in.Min.X, min(box.Min.X, in.Max.X-size.X))
	at := func(y int) image.Rectangle {
		y = max(in.Min.Y, min(y, in.Max.Y-size.Y))
		return image.Rect(x, y, x+size.X, y+size.Y)
	}
	free := func(r image.Rectangle) bool {
		for _, t := range taken {
			if r.Overlaps(t) {
				return false
			}
		}
		return true
	}
	above, below := box.Min.Y-size.Y-gap, box.Max.Y+gap
	var tries []image.Rectangle
	if above >= in.Min.Y {
		tries = append(tries, at(above))
	}
	if below+size.Y <= in.Max.Y {
		tries = append(tries, at(below))
	}
	tries = append(tries, at(box.Min.Y+2*gap), at(box.Max.Y-size.Y-2*gap))
	for y := tries[0].Min.Y; y+size.Y <= in.Max.Y; y += size.Y + gap/2 {
		tries = append(tries, at(y))
	}
	for _, r := range tries {
		if free(r) {
			return r
		}
	}
	return tries[0]
}
