package track

import "deixis/camera"

// A pyramid is an image pyramid of one frame: a small grey picture at several
// levels, each half the size of the one before. Nobody changes it once it is among
// others, so goroutines may share it.
type pyramid struct {
	seq      uint64 // of the frame
	shot     int    // counts the cuts before it
	scale    int    // frame pixels a pixel of planes[0]
	planes   [levels]plane
	mirrored bool
}

// A plane is one level of a pyramid.
type plane struct {
	w, h int
	pix  []byte // rows, len w*h
}

const (
	levels       = 3   // of a pyramid: a motion of 30 pixels of its largest can be tracked
	pyramidWidth = 320 // about the longer side of its largest plane
)

// newPyramid makes the pyramid of f in one allocation, and nil of a frame too small
// to track anything in.
func newPyramid(f *camera.Frame) *pyramid {
	by := max(1, (max(f.Width, f.Height)+pyramidWidth/2)/pyramidWidth)
	w, h := f.Width/by, f.Height/by
	if w>>(levels-1) < 4 || h>>(levels-1) < 4 {
		return nil
	}
	g := &pyramid{seq: f.Seq, scale: by, mirrored: f.Mirrored}
	room := 0
	for i := range levels {
		room += (w >> i) * (h >> i)
	}
	pix := make([]byte, room)
	for i := range levels {
		p := plane{w: w >> i, h: h >> i}
		p.pix, pix = pix[:p.w*p.h:p.w*p.h], pix[p.w*p.h:]
		if i == 0 {
			p.downsample(f, by)
		} else {
			p.halve(&g.planes[i-1])
		}
		g.planes[i] = p
	}
	return g
}

// downsample takes four samples of each by*by pixels of f: a mean of all would
// read every pixel of a large picture.
func (p *plane) downsample(f *camera.Frame, by int) {
	near, far := by/4, by-1-by/4
	for y := range p.h {
		upper := f.Pix[3*(y*by+near)*f.Width:]
		lower := f.Pix[3*(y*by+far)*f.Width:]
		row := p.pix[y*p.w : (y+1)*p.w]
		for x := range row {
			a, b := 3*(x*by+near), 3*(x*by+far)
			u, v, s, t := upper[a:a+3:a+3], upper[b:b+3:b+3], lower[a:a+3:a+3], lower[b:b+3:b+3]
			blue := int(u[0]) + int(v[0]) + int(s[0]) + int(t[0])
			green := int(u[1]) + int(v[1]) + int(s[1]) + int(t[1])
			red := int(u[2]) + int(v[2]) + int(s[2]) + int(t[2])
			row[x] = byte((blue + 2*green + red) >> 4)
		}
	}
}

// halve takes the mean of each four pixels of from.
func (p *plane) halve(from *plane) {
	for y := range p.h {
		upper, lower := from.pix[2*y*from.w:], from.pix[(2*y+1)*from.w:]
		row := p.pix[y*p.w : (y+1)*p.w]
		for x := range row {
			row[x] = byte((int(upper[2*x]) + int(upper[2*x+1]) + int(lower[2*x]) + int(lower[2*x+1]) + 2) >> 2)
		}
	}
}

// What tells a cut from motion: pictures that differ much, and not in brightness alone.
const (
	cutStep  = 12   // mean difference of two pixels, after taking out the mean of each picture, 0..255
	cutAlike = 0.35 // correlation below which they have nothing to do with each other, -1..1
)

// cut says whether g shows another scene than before: another camera, another
// shot, or another size.
func (g *pyramid) cut(before *pyramid) bool {
	a, b := &g.planes[levels-1], &before.planes[levels-1]
	if g.mirrored != before.mirrored || g.scale != before.scale || a.w != b.w || a.h != b.h {
		return true
	}
	var sumA, sumB, sumAA, sumBB, sumAB float64
	for i, x := range a.pix {
		u, v := float64(x), float64(b.pix[i])
		sumA, sumB = sumA+u, sumB+v
		sumAA, sumBB, sumAB = sumAA+u*u, sumBB+v*v, sumAB+u*v
	}
	n := float64(len(a.pix))
	varA, varB, cov := sumAA/n-sumA*sumA/n/n, sumBB/n-sumB*sumB/n/n, sumAB/n-sumA*sumB/n/n
	apart := varA + varB - 2*cov // mean square of the difference
	if apart < cutStep*cutStep {
		return false
	}
	return varA <= 0 || varB <= 0 || cov*cov < cutAlike*cutAlike*varA*varB || cov < 0
}
