package robot

import (
	"fmt"
	"strconv"
	"strings"
)

// A Point is a place in the picture, 0..1 from its left and from its top.
type Point struct{ X, Y float64 }

// A Polygon is a part of the picture, corner by corner; its last corner joins the first.
type Polygon []Point

// ParsePolygon reads three or more corners, such as "0.1,0.2 0.9,0.2 0.5,0.8", each
// from 0 to 1.
func ParsePolygon(text string) (Polygon, error) {
	var p Polygon
	for corner := range strings.FieldsSeq(text) {
		x, y, ok := strings.Cut(corner, ",")
		px, errX := strconv.ParseFloat(x, 64)
		py, errY := strconv.ParseFloat(y, 64)
		if !ok || errX != nil || errY != nil || !(px >= 0 && px <= 1 && py >= 0 && py <= 1) {
			return nil, fmt.Errorf("zone %q: corner %q is not like 0.1,0.9, from 0 to 1", text, corner)
		}
		p = append(p, Point{px, py})
	}
	if len(p) < 3 {
		return nil, fmt.Errorf(`zone %q: %d corners (three or more, such as "0,0.5 1,0.5 1,1 0,1")`, text, len(p))
	}
	return p, nil
}

// Has says whether a is inside: a ray from it crosses the outline an odd number of
// times.
func (p Polygon) Has(a Point) bool {
	inside := false
	for i, to := range p {
		from := p[(i+len(p)-1)%len(p)]
		if (from.Y > a.Y) != (to.Y > a.Y) && a.X < from.X+(a.Y-from.Y)/(to.Y-from.Y)*(to.X-from.X) {
			inside = !inside
		}
	}
	return inside
}

// Touches says whether a rectangle and the polygon have a point in common.
func (p Polygon) Touches(x1, y1, x2, y2 float64) bool {
	if p.Has(Point{x1, y1}) || p.Has(Point{(x1 + x2) / 2, (y1 + y2) / 2}) {
		return true
	}
	for i, to := range p {
		if crosses(p[(i+len(p)-1)%len(p)], to, x1, y1, x2, y2) {
			return true
		}
	}
	return false
}

// crosses says whether the stretch from a to b has a point in the rectangle, by
// cutting off what lies beyond each of its sides (Liang and Barsky 1984).
func crosses(a, b Point, x1, y1, x2, y2 float64) bool {
	from, to := 0.0, 1.0
	for _, side := range [4][2]float64{
		{a.X - b.X, a.X - x1}, {b.X - a.X, x2 - a.X}, {a.Y - b.Y, a.Y - y1}, {b.Y - a.Y, y2 - a.Y},
	} {
		p, q := side[0], side[1]
		switch {
		case p == 0 && q < 0:
			return false
		case p < 0:
			from = max(from, q/p)
		case p > 0:
			to = min(to, q/p)
		}
	}
	return from <= to
}
