package pipeline

import (
	"slices"

	"deixis/model"
)

// How a box is followed: points all over it, those that can be told.
const (
	cells    = 7    // a side of a box: the best point of each cell is followed
	tries    = 3    // places a side of a cell that are looked at
	least    = 5    // points that must agree
	leastOf  = 0.12 // share of the weight of all points that must agree
	mostOf   = 0.5  // share of the weight of those followed that must agree
	returned = 0.7  // a point must come back to its place so well, pixels
	unlike   = 14   // mean difference of its window at most, steps of 0..255
	together = 1.0  // motions so far apart agree, pixels, and a little more in a large box
	smallBox = 6    // a box with a shorter side holds nothing to follow, pixels
	growMost = 1.25 // a box grows or shrinks by so much from one sketch to the next
)

// A trace is one point and where it went.
type trace struct {
	from, by point   // place, and motion
	weight   float32 // the middle of a box is more surely the thing itself
}

// A follower moves boxes with what is in them and keeps its memory. It belongs
// to one goroutine.
type follower struct {
	seeker
	traces, agreed []trace
	xs, ys         []float32
}

// follow is where the thing in box went from one sketch to another, in frame
// pixels, and how its middle moved. It is looked for where guess would move it.
// It is false where too little of it can be followed.
func (w *follower) follow(from, to *sketch, box model.Box, guess point) (model.Box, point, bool) {
	if from.shrink != to.shrink || from.planes[0].w != to.planes[0].w || from.planes[0].h != to.planes[0].h {
		return box, point{}, false
	}
	by := float32(from.shrink)
	small := model.Box{X1: box.X1 / by, Y1: box.Y1 / by, X2: box.X2 / by, Y2: box.Y2 / by}
	if min(small.X2-small.X1, small.Y2-small.Y1) < smallBox {
		return box, point{}, false
	}
	top := floors - 1
	for top > 0 && window<<top > int(1.3*max(small.X2-small.X1, small.Y2-small.Y1)) {
		top-- // a window larger than the thing follows what is behind it
	}
	for !w.agree(small, w.trace(from, to, small, point{guess.x / by, guess.y / by}, top)) {
		if top--; top < 0 {
			return box, point{}, false
		}
	}
	grow, shift := w.motion(small)
	c := middle(small).plus(shift)
	hw, hh := (small.X2-small.X1)/2*grow, (small.Y2-small.Y1)/2*grow
	return model.Box{X1: (c.x - hw) * by, Y1: (c.y - hh) * by, X2: (c.x + hw) * by, Y2: (c.y + hh) * by}, point{shift.x * by, shift.y * by}, true
}

// trace fills w.traces with the points of box that were followed there and back
// to their place, and returns the weight of all that were tried.
func (w *follower) trace(from, to *sketch, box model.Box, guess point, top int) (all float32) {
	w.traces = w.traces[:0]
	p := &from.planes[0]
	for cy := range cells {
		for cx := range cells {
			at, ok := p.corner(box, cx, cy)
			if !ok {
				continue
			}
			weight := middling(cx) * middling(cy)
			all += weight
			there, off, ok := w.seek(from, to, at, at.plus(guess), top)
			if !ok || off > unlike {
				continue
			}
			back, _, ok := w.seek(to, from, there, there.minus(guess), top)
			if ok && back.minus(at).far() <= returned {
				w.traces = append(w.traces, trace{from: at, by: there.minus(at), weight: weight})
			}
		}
	}
	return all
}

// middling is the weight of a row or column of cells.
func middling(i int) float32 {
	const half = (cells - 1) / 2.0
	d := (float32(i) - half) / half
	return 1 - 0.6*d*d
}

// corner is the place in one cell of box that can be followed best.
func (p *plane) corner(box model.Box, cx, cy int) (best point, ok bool) {
	cw, ch := (box.X2-box.X1)/cells, (box.Y2-box.Y1)/cells
	most := float32(plainest)
	for ty := range tries {
		for tx := range tries {
			x := int(box.X1 + cw*(float32(cx)+(float32(tx)+0.5)/tries))
			y := int(box.Y1 + ch*(float32(cy)+(float32(ty)+0.5)/tries))
			if x < reach+1 || y < reach+1 || x >= p.w-reach-2 || y >= p.h-reach-2 {
				continue
			}
			if v := p.texture(x, y); v > most {
				best, most, ok = point{float32(x), float32(y)}, v, true
			}
		}
	}
	return best, ok
}

// texture is the smaller eigenvalue a pixel of the 7 by 7 window around x, y.
func (p *plane) texture(x, y int) float32 {
	const r = 3
	var xx, xy, yy int
	for j := -r; j <= r; j++ {
		at := (y+j)*p.w + x
		for i := at - r; i <= at+r; i++ {
			gx, gy := int(p.pix[i+1])-int(p.pix[i-1]), int(p.pix[i+p.w])-int(p.pix[i-p.w])
			xx, xy, yy = xx+gx*gx, xy+gx*gy, yy+gy*gy
		}
	}
	const n = 4 * (2*r + 1) * (2*r + 1)
	return smallest(float32(xx), float32(xy), float32(yy)) / n
}

// agree keeps the traces that move like the one with the most others beside
// it: the thing, where background shows at its sides. It is false where those
// are too few of all that were tried.
func (w *follower) agree(box model.Box, all float32) bool {
	near := together + 0.02*max(box.X2-box.X1, box.Y2-box.Y1)
	alike := func(a, b *trace) bool { d := a.by.minus(b.by); return d.x*d.x+d.y*d.y <= near*near }
	if len(w.traces) < least {
		return false
	}
	var best int
	var most, followed float32
	for i := range w.traces {
		followed += w.traces[i].weight
		var sum float32
		for j := range w.traces {
			if alike(&w.traces[i], &w.traces[j]) {
				sum += w.traces[j].weight
			}
		}
		if sum > most {
			best, most = i, sum
		}
	}
	w.agreed = w.agreed[:0]
	for i := range w.traces {
		if alike(&w.traces[best], &w.traces[i]) {
			w.agreed = append(w.agreed, w.traces[i])
		}
	}
	return len(w.agreed) >= least && most >= max(leastOf*all, mostOf*followed)
}

// motion is how much larger box became and where its middle went, by the
// medians over the traces that agree.
func (w *follower) motion(box model.Box) (grow float32, shift point) {
	w.xs = w.xs[:0]
	for i := range w.agreed {
		for j := range i {
			a, b := &w.agreed[i], &w.agreed[j]
			before := a.from.minus(b.from)
			if far := before.far(); far > 2*reach {
				w.xs = append(w.xs, before.plus(a.by).minus(b.by).far()/far)
			}
		}
	}
	grow = 1
	if len(w.xs) >= least {
		grow = min(max(median(w.xs), 1/growMost), growMost)
	}
	center := middle(box)
	w.xs, w.ys = w.xs[:0], w.ys[:0]
	for i := range w.agreed {
		t := &w.agreed[i]
		lever := t.from.minus(center)
		w.xs = append(w.xs, t.by.x-(grow-1)*lever.x)
		w.ys = append(w.ys, t.by.y-(grow-1)*lever.y)
	}
	return grow, point{median(w.xs), median(w.ys)}
}

// median sorts xs, of which there must be some.
func median(xs []float32) float32 {
	slices.Sort(xs)
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}
