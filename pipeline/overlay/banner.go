package overlay

import (
	"image"
	"image/color"

	"deixis/camera"
	"deixis/pipeline"
)

// banners writes the caption and a line for every view without a box, from the
// bottom upwards, and returns their places.
func (o *Overlay) banners(c canvas, m metrics, views []pipeline.View) []image.Rectangle {
	var taken []image.Rectangle
	bottom := c.f.Height - 2*m.gap
	if o.Caption != nil {
		if text := o.Caption(); text != "" {
			r := o.banner(c, m, bottom, "", text, paper)
			taken = append(taken, r)
			bottom = r.Min.Y - m.gap
		}
	}
	for i := len(views) - 1; i >= 0; i-- {
		if views[i].HasBox() {
			continue
		}
		r := o.banner(c, m, bottom, says(views[i].State), views[i].Phrase, Color(i))
		taken = append(taken, r)
		if bottom = r.Min.Y - m.gap; bottom < c.f.Height/2 {
			break // the picture matters more than the rest of the list
		}
	}
	return taken
}

// says is how a line about something without a box begins.
func says(s pipeline.State) string {
	switch s {
	case pipeline.Absent:
		return "not there: "
	case pipeline.Lost:
		return "lost: "
	}
	return "looking for: "
}

// banner writes one line on a shade, with a dot in the phrase's colour, that
// ends at bottom.
func (o *Overlay) banner(c canvas, m metrics, bottom int, says, phrase string, dot color.NRGBA) image.Rectangle {
	spot := m.text / 2
	fixed := 3*m.pad + spot + o.letters.width(says)
	text := says + o.letters.shorten(plain(phrase), c.f.Width-4*m.gap-fixed)
	h := o.letters.height + m.pad
	x, y := 2*m.gap, bottom-h
	r := image.Rect(x, y, x+3*m.pad+spot+o.letters.width(text), bottom)
	c.plate(r, m.radius, shade)
	middle := y + h/2
	c.plate(image.Rect(x+m.pad, middle-spot/2, x+m.pad+spot, middle-spot/2+spot), spot/2, dot)
	o.letters.write(c, x+2*m.pad+spot, y+m.pad/2, text, paper)
	return r
}

// Prompt paints a line of typing across the bottom of f: what it is for, what
// was typed so far with its end always in sight, and a cursor.
func (o *Overlay) Prompt(f *camera.Frame, lead, typed string) {
	m := measure(f)
	if f.Width < 8 || f.Height < 8 || !o.prepare(m) {
		return
	}
	c := canvas{f}
	h := o.letters.height + 3*m.pad
	c.fill(image.Rect(0, f.Height-h, f.Width, f.Height), ink)
	x, y := 2*m.pad, f.Height-h+m.pad*3/2
	lead = o.letters.shorten(plain(lead), f.Width*6/10) + " "
	o.letters.write(c, x, y, lead, Color(0))
	x += o.letters.width(lead)
	typed = o.letters.tail(typed, f.Width-x-2*m.pad)
	o.letters.write(c, x, y, typed, paper)
	x += o.letters.width(typed) + m.line
	c.fill(image.Rect(x, y, x+m.line, y+o.letters.height), paper)
}
