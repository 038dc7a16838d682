package scene

import (
	"math"
	"math/rand/v2"

	"deixis/camera"
)

// noise is the most that the sensor adds to a value or takes from it.
const noise = 4

// A texture is a picture of blotches, packed BGR.
type texture struct {
	w, h int
	pix  []byte
}

// newTexture makes blotches about size pixels wide, and finer ones on them.
func newTexture(w, h int, seed uint64, size int) *texture {
	r := rand.New(rand.NewPCG(seed, 7))
	t := &texture{w: w, h: h, pix: make([]byte, 3*w*h)}
	tint := [3]float64{60 + 130*r.Float64(), 60 + 130*r.Float64(), 60 + 130*r.Float64()}
	coarse, fine := newLattice(r, w, h, size), newLattice(r, w, h, max(3, size/3))
	for y := range h {
		for x := range w {
			v := 70*coarse.at(x, y) + 40*fine.at(x, y)
			for c := range 3 {
				t.pix[3*(y*w+x)+c] = byte(min(max(tint[c]+v, noise), 255-noise))
			}
		}
	}
	return t
}

// A lattice holds random values between which the texture is smooth.
type lattice struct {
	cols, size int
	values     []float64 // -1..1
}

func newLattice(r *rand.Rand, w, h, size int) *lattice {
	l := &lattice{cols: w/size + 2, size: size}
	l.values = make([]float64, l.cols*(h/size+2))
	for i := range l.values {
		l.values[i] = 2*r.Float64() - 1
	}
	return l
}

func (l *lattice) at(x, y int) float64 {
	i := y/l.size*l.cols + x/l.size
	ax, ay := float64(x%l.size)/float64(l.size), float64(y%l.size)/float64(l.size)
	top := l.values[i]*(1-ax) + l.values[i+1]*ax
	low := l.values[i+l.cols]*(1-ax) + l.values[i+l.cols+1]*ax
	return top*(1-ay) + low*ay
}

// tile fills f with t, which begins at x, y and repeats.
func (t *texture) tile(f *camera.Frame, x, y int) {
	x, y = ((x%t.w)+t.w)%t.w, ((y%t.h)+t.h)%t.h
	for row := range f.Height {
		from := t.pix[3*t.w*((y+row)%t.h) : 3*t.w*((y+row)%t.h+1)]
		to := f.Pix[3*f.Width*row : 3*f.Width*(row+1)]
		n := copy(to, from[3*x:])
		copy(to[n:], from)
	}
}

// paint puts t at p, between pixels as its four next values say.
func (t *texture) paint(f *camera.Frame, p Place, round bool) {
	if p.Scale <= 0 {
		return
	}
	w, h := p.Scale*float64(t.w), p.Scale*float64(t.h)
	left, top := p.X-w/2, p.Y-h/2
	for y := max(0, int(math.Ceil(top))); y < min(f.Height, int(math.Ceil(top+h))); y++ {
		from, to := left, left+w
		if round {
			dy := 2*(float64(y)-p.Y)/h + 0
			half := w / 2 * math.Sqrt(max(0, 1-dy*dy))
			from, to = p.X-half, p.X+half
		}
		v := (float64(y) - top) / p.Scale
		for x := max(0, int(math.Ceil(from))); x < min(f.Width, int(math.Ceil(to))); x++ {
			t.between((float64(x)-left)/p.Scale, v, f.Pix[3*(y*f.Width+x):])
		}
	}
}

// between writes the colour at u, v pixels of t to bgr.
func (t *texture) between(u, v float64, bgr []byte) {
	x, y := min(int(u), t.w-2), min(int(v), t.h-2)
	ax, ay := min(u-float64(x), 1), min(v-float64(y), 1)
	at := 3 * (y*t.w + x)
	for c := range 3 {
		upper := float64(t.pix[at+c])*(1-ax) + float64(t.pix[at+3+c])*ax
		lower := float64(t.pix[at+3*t.w+c])*(1-ax) + float64(t.pix[at+3*t.w+3+c])*ax
		bgr[c] = byte(upper*(1-ay) + lower*ay)
	}
}

// grain is the noise of a sensor, a few rows of it.
func grain() []int8 {
	r := rand.New(rand.NewPCG(3, 5))
	g := make([]int8, 1<<18)
	for i := range g {
		g[i] = int8(r.IntN(2*noise+1) - noise)
	}
	return g
}
