package track

import (
	"math"
	"testing"

	"deixis/camera"
)

// A motion is what happens to a picture: it grows about a centre and is shifted.
type motion struct {
	center, shift point
	grow          float32 // 0 means 1
}

// render draws grey waves of several lengths, moved: the same thing is to be seen at
// at.center + grow*(p-center) + shift as at p in the picture that was not moved.
func render(seq uint64, w, h int, m motion) *camera.Frame {
	f := &camera.Frame{Seq: seq}
	f.Resize(w, h)
	grow := float64(m.grow)
	if grow == 0 {
		grow = 1
	}
	for y := range h {
		for x := range w {
			u := float64(m.center.x) + (float64(x)-float64(m.center.x)-float64(m.shift.x))/grow
			v := float64(m.center.y) + (float64(y)-float64(m.center.y)-float64(m.shift.y))/grow
			grey := 128 + 24*math.Sin(u/2.2+v/5) + 24*math.Sin(v/2.4-u/7+1) + 36*math.Sin(u/9+v/23+2) + 36*math.Sin(v/11-u/31+3)
			at := 3 * (y*w + x)
			f.Pix[at], f.Pix[at+1], f.Pix[at+2] = byte(grey+0.5), byte(grey+0.5), byte(grey+0.5)
		}
	}
	return f
}

func near(a, b point, within float32) bool { return a.minus(b).norm() <= within }

// nearly is false for NaN, which a difference "above" any bound would let pass.
func nearly(got, want, within float32) bool { return got-want <= within && want-got <= within }

func TestPoint(t *testing.T) {
	a, b := point{5, 7}, point{2, 3}
	if a.minus(b) != (point{3, 4}) || a.plus(b) != (point{7, 10}) || a.minus(b).norm() != 5 {
		t.Errorf("%v, %v, %v", a.minus(b), a.plus(b), a.minus(b).norm())
	}
}

func TestMinEigenvalue(t *testing.T) {
	for name, tt := range map[string]struct{ xx, xy, yy, want float32 }{
		"alike":             {2, 0, 2, 2},
		"across":            {5, 0, 1, 1},
		"down":              {1, 0, 5, 1},
		"aslant":            {2, 1, 2, 1},
		"aslant, backwards": {2, -1, 2, 1},
		"an edge":           {2, 2, 2, 0},
		"an edge, steeper":  {1, 2, 4, 0},
	} {
		if got := minEigenvalue(tt.xx, tt.xy, tt.yy); !nearly(got, tt.want, 1e-6) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestSample(t *testing.T) {
	p := &plane{w: 6, h: 5, pix: make([]byte, 30)}
	for i := range p.pix {
		p.pix[i] = byte(i * i % 251)
	}
	at := func(x, y int) float32 { return float32(p.pix[y*p.w+x]) }
	var out [9]float32
	if !p.sample(point{2.25, 1.5}, 1, out[:]) {
		t.Fatal("inside, and not sampled")
	}
	for y := range 3 {
		for x := range 3 {
			upper := at(x+1, y)*0.75 + at(x+2, y)*0.25
			lower := at(x+1, y+1)*0.75 + at(x+2, y+1)*0.25
			if want := upper/2 + lower/2; out[3*y+x] != want {
				t.Errorf("%d, %d: %v, want %v", x, y, out[3*y+x], want)
			}
		}
	}
	for name, tt := range map[string]struct {
		c    point
		want bool
	}{
		"top left": {point{1, 1}, true}, "left of it": {point{0.99, 1}, false}, "above": {point{1, 0.99}, false},
		"bottom right": {point{3.99, 2.99}, true}, "right of it": {point{4, 2}, false}, "below": {point{2, 3}, false},
		"nowhere": {point{float32(math.NaN()), 2}, false},
	} {
		if got := p.sample(tt.c, 1, out[:]); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// parabola fills the rim with a*x*x + b*y*y, whose gradients are 2*a*x and 2*b*y.
func (s *pointTracker) parabola(a, b float32) {
	for y := range rimWindow {
		for x := range rimWindow {
			s.rim[y*rimWindow+x] = a*float32(x*x) + b*float32(y*y)
		}
	}
}

func TestGradients(t *testing.T) {
	var s pointTracker
	s.parabola(2, 3)
	mean, xx, xy, yy := s.gradients()
	for y := range window {
		for x := range window {
			if dx, dy := s.dx[y*window+x], s.dy[y*window+x]; dx != float32(4*(x+1)) || dy != float32(6*(y+1)) {
				t.Fatalf("gradient at %d, %d: %v, %v", x, y, dx, dy)
			}
		}
	}
	// Over 1 to 9 the numbers sum to 45 and their squares to 285.
	if mean != (2*285+3*285)*9/81. || xx != 16*9*285 || yy != 36*9*285 || xy != 24*45*45 {
		t.Errorf("mean %v, sums %v %v %v", mean, xx, xy, yy)
	}
}

func TestCompare(t *testing.T) {
	var s pointTracker
	s.parabola(1, 1)
	mean, _, _, _ := s.gradients()
	for y := range window {
		for x := range window {
			s.there[y*window+x] = s.rim[(y+1)*rimWindow+x+1] + 50
		}
	}
	if bx, by, residual := s.compare(mean); !nearly(bx, 0, 0.05) || !nearly(by, 0, 0.05) || !nearly(residual, 0, 1e-4) {
		t.Errorf("brighter alone: %v, %v, residual %v", bx, by, residual)
	}
	// One pixel, of gradient 6, 10, brighter by 81: the mean takes away 1 everywhere.
	s.there[4*window+2] += window * window
	bx, by, residual := s.compare(mean)
	if want := float32(2*45*9 - 81*6); !nearly(bx, want, 0.1) {
		t.Errorf("bx %v, want %v", bx, want)
	}
	if want := float32(2*45*9 - 81*10); !nearly(by, want, 0.1) {
		t.Errorf("by %v, want %v", by, want)
	}
	if want := float32(80+80) / 81; !nearly(residual, want, 1e-3) {
		t.Errorf("residual %v, want %v", residual, want)
	}
}

func TestTrackPoint(t *testing.T) {
	const w, h = 320, 240
	from := newPyramid(render(1, w, h, motion{}))
	at := point{100, 120}
	for name, tt := range map[string]struct {
		by    point // the motion
		guess point
		top   int
	}{
		"not at all":         {point{}, point{}, 0},
		"less than a pixel":  {point{0.6, -0.4}, point{}, 0},
		"across":             {point{1.5, 0}, point{}, 0},
		"down":               {point{0, 1.5}, point{}, 0},
		"far, in levels":     {point{-7, 6}, point{}, 2},
		"further, by guess":  {point{40, -30}, point{39, -31}, 1},
		"a guess of too far": {point{3, 3}, point{6, 0}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var s pointTracker
			to := newPyramid(render(2, w, h, motion{shift: tt.by}))
			got, residual, ok := s.trackPoint(from, to, at, at.plus(tt.guess), tt.top)
			if !ok || !near(got, at.plus(tt.by), 0.1) || residual > 2 {
				t.Errorf("%v (%v), residual %v; want %v", got, ok, residual, at.plus(tt.by))
			}
		})
	}
}

func TestTrackPointOnTheWayOut(t *testing.T) {
	var s pointTracker
	from, to := newPyramid(render(1, 320, 240, motion{})), newPyramid(render(2, 320, 240, motion{shift: point{-20, 0}}))
	if got, _, ok := s.trackPoint(from, to, point{15, 100}, point{-5, 100}, 2); ok {
		t.Errorf("a point that left the picture is at %v", got)
	}
	if got, _, ok := s.trackPoint(from, from, point{3, 100}, point{3, 100}, 2); ok {
		t.Errorf("a point at the rim is at %v", got)
	}
	plain := newPyramid(textured(1, 120, 80, 80))
	if got, _, ok := s.trackPoint(plain, plain, point{20, 200}, point{20, 200}, 2); ok {
		t.Errorf("a point on plain ground is at %v", got)
	}
	// At the rim of its largest level a point has no window at the levels above.
	if got, _, ok := s.trackPoint(from, from, point{6, 100}, point{6, 100}, 2); !ok || !near(got, point{6, 100}, 0.05) {
		t.Errorf("a point near the rim is at %v (%v)", got, ok)
	}
}

// A window of too little texture has no motion: rows that are alike can slide along
// each other.
func TestRefineNeedsTexture(t *testing.T) {
	p := &plane{w: 40, h: 40, pix: make([]byte, 1600)}
	for name, tt := range map[string]struct {
		grey func(x, y int) int
		want bool
	}{
		"stripes":       {func(x, _ int) int { return 100 + 50*(x/3%2) }, false},
		"chequers":      {func(x, y int) int { return 100 + 50*((x/3+y/3)%2) }, true},
		"weak chequers": {func(x, y int) int { return 100 + 2*((x/3+y/3)%2) }, false},
	} {
		for i := range p.pix {
			p.pix[i] = byte(tt.grey(i%40, i/40))
		}
		var s pointTracker
		d, residual, ok := s.refine(p, p, point{20, 20}, point{})
		if ok != tt.want || d != (point{}) || residual != 0 {
			t.Errorf("%s: %v, moved by %v with residual %v", name, ok, d, residual)
		}
	}
}

// Texture that runs aslant has gradients that go together: a step across must then
// reckon with the one down.
func TestRefineOfAslantTexture(t *testing.T) {
	draw := func(dx, dy float64) *plane {
		p := &plane{w: 60, h: 60, pix: make([]byte, 3600)}
		for i := range p.pix {
			x, y := float64(i%60)-dx, float64(i/60)-dy
			p.pix[i] = byte(128 + 70*math.Sin((x+y)/2) + 25*math.Sin((x-y)/2))
		}
		return p
	}
	from := draw(0, 0)
	for name, want := range map[string]point{"along": {0.8, -0.8}, "across": {0.9, 0.9}, "aside": {1.2, -0.7}} {
		var s pointTracker
		got, residual, ok := s.refine(from, draw(float64(want.x), float64(want.y)), point{30, 30}, point{})
		if !ok || !near(got, want, 0.1) || !nearly(residual, 0, 2) {
			t.Errorf("%s: %v (%v), residual %v; want %v", name, got, ok, residual, want)
		}
	}
}
