package lens

import (
	"math"

	"deixis/model"
)

// A rectangle stands upright, parallel to the picture's vertical axis, and faces the
// camera; its centre lies at distance 1 along a ray.
type rectangle struct {
	u, v float64 // pixel of the centre
	w, h float64 // half its width and height, in units of the distance
}

// Distance is how far away a thing is whose box is b, metres along the ray through its
// centre. The thing is a rectangle of size metres in height, or in width, that stands
// upright and faces the camera. It is false where the picture cannot tell: beyond 80
// degrees from the axis, and where the box leaves the picture, which hides how large
// the thing is.
//
// Off the axis an upright thing leans in the picture, so that its box is larger than
// it. Four sides of a box are known and four things are sought: the two of the centre,
// width and height. They are found by fixed-point iteration: each unknown is moved by
// what is missing at its own sides, until the rectangle's box is b.
func (l *Lens) Distance(b model.Box, size float64, wide bool) (float64, bool) {
	if wide && (b.X1 <= 0 || b.X2 >= float32(l.Width)) || !wide && (b.Y1 <= 0 || b.Y2 >= float32(l.Height)) {
		return 0, false
	}
	r, ok := l.upright(b)
	if !ok {
		return 0, false
	}
	across := 2 * r.h
	if wide {
		across = 2 * r.w
	}
	if across <= 0 {
		return 0, false
	}
	return size / across, true
}

// What upright stops at: a tenth of a pixel is finer than any box is known.
const (
	mostRounds = 60
	fine       = 0.1
)

// upright is the rectangle whose box in the picture is b. Where none has that box (a
// round thing far off the axis, which does not lean) it is the one that spans b.
func (l *Lens) upright(b model.Box) (rectangle, bool) {
	first, ok := l.spanned(b)
	if !ok {
		return first, false
	}
	x1, y1, x2, y2 := float64(b.X1), float64(b.Y1), float64(b.X2), float64(b.Y2)
	sx, sy := (x2-x1)/(2*first.w), (y2-y1)/(2*first.h) // pixels for each unit of size
	r := first
	for range mostRounds {
		p1, q1, p2, q2, ok := l.box(r)
		if !ok {
			return first, true
		}
		if max(math.Abs(p1-x1), math.Abs(q1-y1), math.Abs(p2-x2), math.Abs(q2-y2)) < fine {
			return r, true
		}
		r.u += (x1 + x2 - p1 - p2) / 2
		r.v += (y1 + y2 - q1 - q2) / 2
		r.w += (x2 - x1 - p2 + p1) / 2 / sx
		r.h += (y2 - y1 - q2 + q1) / 2 / sy
		if r.w <= 0 || r.h <= 0 {
			return first, true
		}
	}
	return first, true
}

// spanned is the rectangle that b is taken for where nothing leans: from the camera,
// a thing of height h at the horizontal distance d reaches from elevation e to t with
// h = d (tan t - tan e), and one of width w over an azimuth of 2 atan(w / 2d).
func (l *Lens) spanned(b model.Box) (rectangle, bool) {
	at, ok := l.Bearing(b)
	const most = 80 * math.Pi / 180
	if !ok || max(math.Abs(at.Left), math.Abs(at.Right), math.Abs(at.Top), math.Abs(at.Bottom)) > most {
		return rectangle{}, false
	}
	level := math.Cos(at.Elevation) // the horizontal distance of what is at distance 1
	r := rectangle{
		u: float64(b.X1+b.X2) / 2, v: float64(b.Y1+b.Y2) / 2,
		w: level * math.Tan((at.Right-at.Left)/2), h: level * (math.Tan(at.Top) - math.Tan(at.Bottom)) / 2,
	}
	return r, r.w > 0 && r.h > 0
}

// sidePoints is how many points of each side are projected. What a side that the lens
// bends sags between two of them is 1/64 of its whole sag, as of a parabola.
const sidePoints = 9

// box is what r covers in the picture.
func (l *Lens) box(r rectangle) (x1, y1, x2, y2 float64, ok bool) {
	c, ok := l.Ray(r.u, r.v)
	level := math.Hypot(c.X, c.Z)
	if !ok || level == 0 {
		return 0, 0, 0, 0, false
	}
	rx, rz := c.Z/level, -c.X/level // to the right, across the line of sight
	x1, y1, x2, y2 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range sidePoints {
		s := 2*float64(i)/(sidePoints-1) - 1
		for _, p := range [4][2]float64{{s, -1}, {s, 1}, {-1, s}, {1, s}} {
			w, h := p[0]*r.w, p[1]*r.h
			u, v, ok := l.project(c.X+w*rx, c.Y+h, c.Z+w*rz)
			if !ok {
				return 0, 0, 0, 0, false
			}
			x1, y1, x2, y2 = min(x1, u), min(y1, v), max(x2, u), max(y2, v)
		}
	}
	return x1, y1, x2, y2, true
}
