package track

import (
	"bytes"
	"math"
	"testing"

	"deixis/camera"
)

func TestNewPyramid(t *testing.T) {
	for name, tt := range map[string]struct{ w, h, scale, wide, high int }{
		"small":           {100, 80, 1, 100, 80},
		"up to":           {479, 300, 1, 479, 300},
		"from here on":    {480, 300, 2, 240, 150},
		"upright":         {300, 480, 2, 150, 240},
		"large":           {1920, 1080, 6, 320, 180},
		"just large":      {16, 16, 1, 16, 16},
		"not high enough": {16, 15, 0, 0, 0},
		"not wide enough": {15, 16, 0, 0, 0},
	} {
		f := &camera.Frame{Seq: 7, Mirrored: true}
		f.Resize(tt.w, tt.h)
		g := newPyramid(f)
		if g == nil {
			if tt.scale != 0 {
				t.Errorf("%s: none", name)
			}
			continue
		}
		if g.seq != 7 || !g.mirrored || g.scale != tt.scale {
			t.Errorf("%s: seq %d, scale %d, mirrored %v", name, g.seq, g.scale, g.mirrored)
		}
		for i, p := range g.planes {
			if p.w != tt.wide>>i || p.h != tt.high>>i || len(p.pix) != p.w*p.h {
				t.Errorf("%s: level %d has %dx%d in %d bytes", name, i, p.w, p.h, len(p.pix))
			}
		}
	}
}

// Of 4 by 4 pixels the inner four are taken, green twice.
func TestDownsample(t *testing.T) {
	f := &camera.Frame{}
	f.Resize(8, 8)
	for i := range f.Pix {
		f.Pix[i] = byte(i * 37 % 253)
	}
	grey := func(x, y int) int {
		p := f.Pix[3*(y*8+x):]
		return int(p[0]) + 2*int(p[1]) + int(p[2])
	}
	p := plane{w: 2, h: 2, pix: make([]byte, 4)}
	p.downsample(f, 4)
	for y := range 2 {
		for x := range 2 {
			sum := grey(4*x+1, 4*y+1) + grey(4*x+2, 4*y+1) + grey(4*x+1, 4*y+2) + grey(4*x+2, 4*y+2)
			if want := byte(sum / 16); p.pix[2*y+x] != want {
				t.Errorf("%d, %d: %d, want %d", x, y, p.pix[2*y+x], want)
			}
		}
	}
	whole := plane{w: 8, h: 8, pix: make([]byte, 64)}
	whole.downsample(f, 1)
	for i := range whole.pix {
		if want := byte(grey(i%8, i/8) / 4); whole.pix[i] != want {
			t.Fatalf("pixel %d alone: %d, want %d", i, whole.pix[i], want)
		}
	}
}

func TestHalve(t *testing.T) {
	from := plane{w: 5, h: 4, pix: []byte{
		0, 1, 10, 10, 99,
		0, 0, 10, 11, 99,
		0, 1, 255, 255, 99,
		0, 1, 255, 255, 99,
	}}
	p := plane{w: 2, h: 2, pix: make([]byte, 4)}
	p.halve(&from)
	if want := []byte{0, 10, 1, 255}; !bytes.Equal(p.pix, want) { // means of 0.25, 10.25, 0.5 and 255
		t.Errorf("%d, want %d", p.pix, want)
	}
}

// patterned is a pyramid whose smallest level is 128 + a*one + b*two, of two patterns
// that have nothing to do with each other.
func patterned(base, a, b float64) *pyramid {
	g := &pyramid{scale: 1}
	p := plane{w: 16, h: 16, pix: make([]byte, 256)}
	for i := range p.pix {
		one, two := float64(1-2*(i%2)), float64(1-2*(i/16%2))
		p.pix[i] = byte(math.Round(base + a*one + b*two))
	}
	g.planes[levels-1] = p
	return g
}

func TestCut(t *testing.T) {
	before := patterned(100, 40, 0)
	mirrored, rescaled, wider, higher := *before, *before, *before, *before
	mirrored.mirrored, rescaled.scale = true, 2
	wider.planes[levels-1].w, higher.planes[levels-1].h = 17, 17
	for name, tt := range map[string]struct {
		g    *pyramid
		want bool
	}{
		"the same":              {before, false},
		"mirrored":              {&mirrored, true},
		"rescaled":              {&rescaled, true},
		"wider":                 {&wider, true},
		"higher":                {&higher, true},
		"brighter":              {patterned(150, 40, 0), false},
		"less contrast":         {patterned(100, 20, 0), false},
		"the negative":          {patterned(100, -40, 0), true},
		"another":               {patterned(100, 0, 40), true},
		"alike to 0.32":         {patterned(100, 13, 38), true},  // 13 of the length of 13, 38
		"alike to 0.38":         {patterned(100, 15, 37), false}, // 15 of the length of 15, 37
		"plain":                 {patterned(100, 0, 0), true},
		"differs by just less":  {patterned(100, 40, 11), false},
		"another, but so faint": {patterned(100, 33, -9), false}, // 7 and 9 apart: less than 12
	} {
		if got := tt.g.cut(before); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := before.cut(tt.g); got != tt.want {
			t.Errorf("%s, backwards: %v", name, got)
		}
	}
	// Faint pictures that have nothing to do with each other: what is left is noise.
	if faint := patterned(100, 8, 0); patterned(100, 0, 8).cut(faint) { // mean square of 128
		t.Error("noise is a cut")
	}
	if dark := patterned(100, 9, 0); !patterned(100, 0, 9).cut(dark) { // mean square of 162
		t.Error("a cut of dark pictures is none")
	}
}

func TestPyramidsCountCuts(t *testing.T) {
	var r pyramids
	var shots []int
	for i, g := range []*pyramid{patterned(100, 40, 0), patterned(110, 40, 0), nil, patterned(100, 0, 40), patterned(100, 0, 40)} {
		if g != nil {
			g.seq = uint64(i)
		}
		r.add(g)
		if g != nil {
			shots = append(shots, g.shot)
		}
	}
	if len(shots) != 4 || shots[0] != 0 || shots[1] != 0 || shots[2] != 1 || shots[3] != 1 || r.n != 4 {
		t.Errorf("shots %d of %d pictures", shots, r.n)
	}
}
