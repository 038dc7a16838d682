package track

import (
	"slices"

	"deixis/model"
)

// How a box is tracked (median flow, Kalal 2010): points all over it, those with
// texture; forward-backward check; consensus vote; medians.
const (
	cells              = 7    // a side of a box: the best point of each cell is tracked
	tries              = 3    // places a side of a cell that are looked at
	minPoints          = 5    // points that must agree
	minShareTried      = 0.12 // share of the weight of all points that must agree
	minShareTracked    = 0.5  // share of the weight of those tracked that must agree
	maxForwardBackward = 0.7  // forward-backward error of a point, pixels: tracked there and back again
	maxResidual        = 14   // mean difference of its window, steps of 0..255
	consensusRadius    = 1.0  // motions so far apart agree, pixels, and a little more in a large box
	smallBox           = 6    // a box with a shorter side holds nothing to track, pixels
	maxGrowth          = 1.25 // a box grows or shrinks by so much from one frame to the next
)

// A pointTrack is one point and where it went.
type pointTrack struct {
	from, by point   // place, and motion
	weight   float32 // the middle of a box is more surely the thing itself
}

// A boxTracker moves boxes with what is in them and keeps its memory. It belongs to
// one goroutine.
type boxTracker struct {
	pointTracker
	tracks, inliers []pointTrack
	xs, ys          []float32
}

// track is where the thing in box went from one frame to another, in frame pixels,
// and how its middle moved. It is looked for where guess would move it. It is false
// where too little of it can be tracked.
func (w *boxTracker) track(from, to *pyramid, box model.Box, guess point) (model.Box, point, bool) {
	if from.scale != to.scale || from.planes[0].w != to.planes[0].w || from.planes[0].h != to.planes[0].h {
		return box, point{}, false
	}
	by := float32(from.scale)
	small := model.Box{X1: box.X1 / by, Y1: box.Y1 / by, X2: box.X2 / by, Y2: box.Y2 / by}
	if min(small.X2-small.X1, small.Y2-small.Y1) < smallBox {
		return box, point{}, false
	}
	top := levels - 1
	for top > 0 && window<<top > int(1.3*max(small.X2-small.X1, small.Y2-small.Y1)) {
		top-- // a window larger than the thing tracks what is behind it
	}
	for !w.consensus(small, w.trackPoints(from, to, small, point{guess.x / by, guess.y / by}, top)) {
		if top--; top < 0 {
			return box, point{}, false
		}
	}
	grow, shift := w.motion(small)
	c := middle(small).plus(shift)
	hw, hh := (small.X2-small.X1)/2*grow, (small.Y2-small.Y1)/2*grow
	return model.Box{X1: (c.x - hw) * by, Y1: (c.y - hh) * by, X2: (c.x + hw) * by, Y2: (c.y + hh) * by}, point{shift.x * by, shift.y * by}, true
}

// trackPoints fills w.tracks with the points of box that pass the forward-backward
// check, and returns the weight of all that were tried.
func (w *boxTracker) trackPoints(from, to *pyramid, box model.Box, guess point, top int) (all float32) {
	w.tracks = w.tracks[:0]
	p := &from.planes[0]
	for cy := range cells {
		for cx := range cells {
			at, ok := p.corner(box, cx, cy)
			if !ok {
				continue
			}
			weight := centerWeight(cx) * centerWeight(cy)
			all += weight
			there, residual, ok := w.trackPoint(from, to, at, at.plus(guess), top)
			if !ok || residual > maxResidual {
				continue
			}
			back, _, ok := w.trackPoint(to, from, there, there.minus(guess), top)
			if ok && back.minus(at).norm() <= maxForwardBackward {
				w.tracks = append(w.tracks, pointTrack{from: at, by: there.minus(at), weight: weight})
			}
		}
	}
	return all
}

// centerWeight is the weight of a row or column of cells: the middle of a box is
// more surely the thing itself.
func centerWeight(i int) float32 {
	const half = (cells - 1) / 2.0
	d := (float32(i) - half) / half
	return 1 - 0.6*d*d
}

// corner is the place with the most texture in one cell of box.
func (p *plane) corner(box model.Box, cx, cy int) (best point, ok bool) {
	cw, ch := (box.X2-box.X1)/cells, (box.Y2-box.Y1)/cells
	most := float32(minTexture)
	for ty := range tries {
		for tx := range tries {
			x := int(box.X1 + cw*(float32(cx)+(float32(tx)+0.5)/tries))
			y := int(box.Y1 + ch*(float32(cy)+(float32(ty)+0.5)/tries))
			if x < halfWindow+1 || y < halfWindow+1 || x >= p.w-halfWindow-2 || y >= p.h-halfWindow-2 {
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
	return minEigenvalue(float32(xx), float32(xy), float32(yy)) / n
}

// consensus is a vote: the tracks that move like the one with the most weight beside
// it are the thing; the others are background at its sides. It is false where the
// inliers are too few of all that were tried.
func (w *boxTracker) consensus(box model.Box, all float32) bool {
	near := consensusRadius + 0.02*max(box.X2-box.X1, box.Y2-box.Y1)
	alike := func(a, b *pointTrack) bool { d := a.by.minus(b.by); return d.x*d.x+d.y*d.y <= near*near }
	if len(w.tracks) < minPoints {
		return false
	}
	var best int
	var most, tracked float32
	for i := range w.tracks {
		tracked += w.tracks[i].weight
		var sum float32
		for j := range w.tracks {
			if alike(&w.tracks[i], &w.tracks[j]) {
				sum += w.tracks[j].weight
			}
		}
		if sum > most {
			best, most = i, sum
		}
	}
	w.inliers = w.inliers[:0]
	for i := range w.tracks {
		if alike(&w.tracks[best], &w.tracks[i]) {
			w.inliers = append(w.inliers, w.tracks[i])
		}
	}
	return len(w.inliers) >= minPoints && most >= max(minShareTried*all, minShareTracked*tracked)
}

// motion is how much larger box became and where its middle went, by the
// medians over the inliers.
func (w *boxTracker) motion(box model.Box) (grow float32, shift point) {
	w.xs = w.xs[:0]
	for i := range w.inliers {
		for j := range i {
			a, b := &w.inliers[i], &w.inliers[j]
			before := a.from.minus(b.from)
			if far := before.norm(); far > 2*halfWindow {
				w.xs = append(w.xs, before.plus(a.by).minus(b.by).norm()/far)
			}
		}
	}
	grow = 1
	if len(w.xs) >= minPoints {
		grow = min(max(median(w.xs), 1/maxGrowth), maxGrowth)
	}
	center := middle(box)
	w.xs, w.ys = w.xs[:0], w.ys[:0]
	for i := range w.inliers {
		t := &w.inliers[i]
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
