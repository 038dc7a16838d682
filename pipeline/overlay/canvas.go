package overlay

import (
	"image"
	"image/color"

	"deixis/camera"
)

// A canvas paints on a frame in place. What lies outside is left out.
type canvas struct{ f *camera.Frame }

// bounds is the whole frame.
func (c canvas) bounds() image.Rectangle { return image.Rect(0, 0, c.f.Width, c.f.Height) }

// fill lays paint over r; its A says how thick, 255 hides what was there.
func (c canvas) fill(r image.Rectangle, paint color.NRGBA) {
	r = r.Intersect(c.bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := c.f.Pix[3*(y*c.f.Width+r.Min.X) : 3*(y*c.f.Width+r.Max.X)]
		for i := 0; i+2 < len(row); i += 3 {
			blend(row[i:i+3], paint, uint32(paint.A))
		}
	}
}

// blend mixes paint into one BGR pixel, a of 255 parts.
func blend(pix []byte, paint color.NRGBA, a uint32) {
	pix[0] = byte((uint32(pix[0])*(255-a) + uint32(paint.B)*a + 127) / 255)
	pix[1] = byte((uint32(pix[1])*(255-a) + uint32(paint.G)*a + 127) / 255)
	pix[2] = byte((uint32(pix[2])*(255-a) + uint32(paint.R)*a + 127) / 255)
}

// frame draws the border of r, inwards and line pixels wide. A dash above 0
// makes it of dashes that long. The sides are not made by image.Rect, which turns
// one that is empty, in a low or narrow r, into a place outside r.
func (c canvas) frame(r image.Rectangle, line, dash int, paint color.NRGBA) {
	top, left := min(r.Min.Y+line, r.Max.Y), min(r.Min.X+line, r.Max.X)
	bottom, right := max(r.Max.Y-line, top), max(r.Max.X-line, left)
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, top)},
		{image.Pt(r.Min.X, bottom), r.Max},
		{image.Pt(r.Min.X, top), image.Pt(left, bottom)},
		{image.Pt(right, top), image.Pt(r.Max.X, bottom)},
	} {
		c.dashed(side, dash, paint)
	}
}

// dashed fills the long way of r with dashes and gaps; it begins and ends with
// a dash, so that corners are seen.
func (c canvas) dashed(r image.Rectangle, dash int, paint color.NRGBA) {
	if dash <= 0 || r.Empty() {
		c.fill(r, paint)
		return
	}
	long := max(r.Dx(), r.Dy())
	n := max(1, (long/dash+1)/2) // dashes
	for i := range n {
		from, to := 2*i*long/(2*n-1), (2*i+1)*long/(2*n-1)
		if r.Dx() >= r.Dy() {
			c.fill(image.Rect(r.Min.X+from, r.Min.Y, r.Min.X+to, r.Max.Y), paint)
		} else {
			c.fill(image.Rect(r.Min.X, r.Min.Y+from, r.Max.X, r.Min.Y+to), paint)
		}
	}
}

// plate fills r with its corners cut round.
func (c canvas) plate(r image.Rectangle, radius int, paint color.NRGBA) {
	radius = min(radius, r.Dx()/2, r.Dy()/2)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		in := 0
		if d := radius - min(y-r.Min.Y, r.Max.Y-1-y); d > 0 {
			in = radius - chord(radius, d)
		}
		c.fill(image.Rect(r.Min.X+in, y, r.Max.X-in, y+1), paint)
	}
}

// chord is half the width of a circle at height d above its middle.
func chord(radius, d int) int {
	x := 0
	for (x+1)*(x+1)+d*d <= radius*radius {
		x++
	}
	return x
}

// stamp lays paint through the mask, whose corner comes to at.
func (c canvas) stamp(mask *image.Alpha, at image.Point, paint color.NRGBA) {
	r := mask.Rect.Add(at).Intersect(c.bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		from := mask.PixOffset(r.Min.X-at.X, y-at.Y)
		for i, a := range mask.Pix[from : from+r.Dx()] {
			if a > 0 {
				p := 3 * (y*c.f.Width + r.Min.X + i)
				blend(c.f.Pix[p:p+3], paint, uint32(a)*uint32(paint.A)/255)
			}
		}
	}
}
