package track

import "math"

// Pyramidal Lucas-Kanade: one point is tracked from frame to frame, coarse to fine
// (Bouguet, "Pyramidal implementation of the Lucas Kanade feature tracker").

const (
	halfWindow = 4                // half a window, pixels: the window is 9 by 9
	window     = 2*halfWindow + 1 // its side
	rimWindow  = window + 2       // with a pixel around it, for its gradients
	maxSteps   = 8                // at most, at each size
	minStep    = 0.03             // a step shorter than this ends it, pixels
	minTexture = 3.0              // smaller eigenvalue a pixel of a window in which nothing can be tracked (Shi and Tomasi)
)

// A point of a pyramid, pixels of its largest level.
type point struct{ x, y float32 }

func (p point) minus(q point) point { return point{p.x - q.x, p.y - q.y} }
func (p point) plus(q point) point  { return point{p.x + q.x, p.y + q.y} }

// norm is the length of p.
func (p point) norm() float32 { return float32(math.Hypot(float64(p.x), float64(p.y))) }

// A pointTracker tracks points and keeps its memory. It belongs to one goroutine.
type pointTracker struct {
	rim    [rimWindow * rimWindow]float32 // the window searched for, and a pixel around it
	dx, dy [window * window]float32       // its gradients
	there  [window * window]float32       // where it may be
}

// trackPoint is where the window around p in from went in to, which is of the same
// size. It begins at guess, from level top down to the largest. residual is how much
// the two windows differ, in mean steps of 0..255. It is false for a point without
// texture, and for one that left the picture.
func (s *pointTracker) trackPoint(from, to *pyramid, p, guess point, top int) (at point, residual float32, ok bool) {
	d := guess.minus(p)
	for level := top; level >= 0; level-- {
		scale := float32(int(1) << level)
		q := point{(p.x+0.5)/scale - 0.5, (p.y+0.5)/scale - 0.5}
		moved, r, good := s.refine(&from.planes[level], &to.planes[level], q, point{d.x / scale, d.y / scale})
		if good {
			d, residual = point{moved.x * scale, moved.y * scale}, r
		} else if level == 0 {
			return point{}, 0, false
		}
	}
	return p.plus(d), residual, true
}

// refine refines the motion d of the window around p at one size.
func (s *pointTracker) refine(from, to *plane, p, d point) (point, float32, bool) {
	if !from.sample(p, halfWindow+1, s.rim[:]) {
		return d, 0, false
	}
	mean, xx, xy, yy := s.gradients()
	det := xx*yy - xy*xy
	if minEigenvalue(xx, xy, yy) < minTexture*window*window {
		return d, 0, false
	}
	var residual float32
	for range maxSteps {
		if !to.sample(p.plus(d), halfWindow, s.there[:]) {
			return d, 0, false
		}
		var bx, by float32
		bx, by, residual = s.compare(mean)
		step := point{(yy*bx - xy*by) / det, (xx*by - xy*bx) / det}
		d = d.plus(step)
		if step.norm() < minStep {
			break
		}
	}
	return d, residual, true
}

// gradients fills dx and dy from rim, and sums them: the window's mean and the
// three sums of products.
func (s *pointTracker) gradients() (mean, xx, xy, yy float32) {
	for y := range window {
		row := s.rim[(y+1)*rimWindow+1:]
		above, below := s.rim[y*rimWindow+1:], s.rim[(y+2)*rimWindow+1:]
		left := s.rim[(y+1)*rimWindow:]
		for x := range window {
			gx, gy := (row[x+1]-left[x])/2, (below[x]-above[x])/2
			s.dx[y*window+x], s.dy[y*window+x] = gx, gy
			mean += row[x]
			xx, xy, yy = xx+gx*gx, xy+gx*gy, yy+gy*gy
		}
	}
	return mean / (window * window), xx, xy, yy
}

// compare weighs the difference of the two windows, each less its mean, so that
// a change of light is no motion.
func (s *pointTracker) compare(mean float32) (bx, by, residual float32) {
	var there float32
	for _, v := range s.there {
		there += v
	}
	shift := there/(window*window) - mean
	for y := range window {
		row := s.rim[(y+1)*rimWindow+1:]
		for x := range window {
			i := y*window + x
			e := row[x] - s.there[i] + shift
			bx, by = bx+e*s.dx[i], by+e*s.dy[i]
			residual += max(e, -e)
		}
	}
	return bx, by, residual / (window * window)
}

// minEigenvalue is the smaller eigenvalue of the matrix xx xy / xy yy: how well a
// window can be told from itself a little aside.
func minEigenvalue(xx, xy, yy float32) float32 {
	half, apart := (xx+yy)/2, (xx-yy)/2
	return half - float32(math.Sqrt(float64(apart*apart+xy*xy)))
}

// sample writes the square of r pixels around c to out, between pixels as the
// four next to it say. It is false where the square leaves the plane.
func (p *plane) sample(c point, r int, out []float32) bool {
	fx, fy := math.Floor(float64(c.x)), math.Floor(float64(c.y))
	if !(fx >= float64(r) && fy >= float64(r) && fx < float64(p.w-r-1) && fy < float64(p.h-r-1)) {
		return false
	}
	ax, ay := c.x-float32(fx), c.y-float32(fy)
	w11 := ax * ay
	w01, w10, w00 := ax-w11, ay-w11, 1-ax-ay+w11
	side := 2*r + 1
	at := (int(fy)-r)*p.w + int(fx) - r
	for y := range side {
		upper, lower := p.pix[at:at+side+1], p.pix[at+p.w:at+p.w+side+1]
		row := out[y*side : (y+1)*side]
		for x := range row {
			row[x] = w00*float32(upper[x]) + w01*float32(upper[x+1]) + w10*float32(lower[x]) + w11*float32(lower[x+1])
		}
		at += p.w
	}
	return true
}
