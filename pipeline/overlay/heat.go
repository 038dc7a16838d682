package overlay

import (
	"image"
	"slices"

	"deixis/camera"
	"deixis/pipeline"
)

// thickest is how much of the picture the hottest place hides, of 255 parts.
const thickest = 190

// Heat paints where the network looks for each phrase, in the phrase's colour:
// the coarse grid of attention, smoothed over the picture.
func Heat(f *camera.Frame, views []pipeline.View) {
	for i := range views {
		v := &views[i]
		if v.Grid == 0 || len(v.Attention) != v.Grid*v.Grid {
			continue
		}
		if top := slices.Max(v.Attention); top > 0 {
			paint, row := Color(i), make([]float32, v.Grid)
			for y := range f.Height {
				between(row, v, (float32(y)+0.5)/float32(f.Height)*float32(v.Grid)-0.5)
				for x := range f.Width {
					a := at(row, (float32(x)+0.5)/float32(f.Width)*float32(v.Grid)-0.5) / top
					p := 3 * (y*f.Width + x)
					blend(f.Pix[p:p+3], paint, uint32(max(0, a)*thickest))
				}
			}
		}
	}
}

// between is the line of the grid at height y, mixed from the two around it.
func between(row []float32, v *pipeline.View, y float32) {
	y = max(0, min(y, float32(v.Grid-1)))
	above := min(int(y), v.Grid-1)
	below, part := min(above+1, v.Grid-1), y-float32(above)
	for x := range row {
		row[x] = (1-part)*v.Attention[above*v.Grid+x] + part*v.Attention[below*v.Grid+x]
	}
}

// at is the value of a line between its cells.
func at(row []float32, x float32) float32 {
	x = max(0, min(x, float32(len(row)-1)))
	left := int(x)
	part := x - float32(left)
	return (1-part)*row[left] + part*row[min(left+1, len(row)-1)]
}

// Notice paints one line at the top left of f, on a shade.
func (o *Overlay) Notice(f *camera.Frame, text string) {
	m := measure(f)
	if f.Width < 8 || f.Height < 8 || !o.prepare(m) {
		return
	}
	c := canvas{f}
	x, y := 2*m.gap, 2*m.gap
	text = o.letters.shorten(plain(text), f.Width-2*x-2*m.pad)
	c.plate(image.Rect(x, y, x+o.letters.width(text)+2*m.pad, y+o.letters.height+m.pad), m.radius, shade)
	o.letters.write(c, x+m.pad, y+m.pad/2, text, paper)
}
