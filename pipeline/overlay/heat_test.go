package overlay

import (
	"bytes"
	"testing"

	"deixis/camera"
	"deixis/pipeline"
)

func TestHeat(t *testing.T) {
	f := camera.Frame{}
	f.Resize(40, 20)
	clear(f.Pix)
	Heat(&f, []pipeline.View{{Attention: []float32{0, 0, 0, 1}, Grid: 2}})
	px := func(x, y int) int { p := 3 * (y*f.Width + x); return int(f.Pix[p]) + int(f.Pix[p+1]) + int(f.Pix[p+2]) }
	if px(39, 19) < 300 || px(0, 0) != 0 || px(20, 10) <= px(10, 10) || px(30, 15) <= px(20, 10) {
		t.Errorf("corner %d, middle %d, opposite %d", px(39, 19), px(20, 10), px(0, 0))
	}
	if p := f.Pix[len(f.Pix)-3:]; p[0] <= p[2] { // sky: more blue than red
		t.Errorf("the colour is not the phrase's: %v", p)
	}
	before := bytes.Clone(f.Pix)
	Heat(&f, []pipeline.View{{}, {Attention: []float32{1}, Grid: 2}, {Attention: make([]float32, 4), Grid: 2}})
	if !bytes.Equal(before, f.Pix) {
		t.Error("something is painted of no attention")
	}
}

func TestAt(t *testing.T) {
	row := []float32{2, 4, 8}
	for x, want := range map[float32]float32{-3: 2, 0: 2, 0.25: 2.5, 1: 4, 1.5: 6, 2: 8, 2.5: 8, 9: 8} {
		if got := at(row, x); got != want {
			t.Errorf("at %v: %v, want %v", x, got, want)
		}
	}
}

func TestBetween(t *testing.T) {
	v := pipeline.View{Grid: 3, Attention: []float32{0, 1, 2, 4, 5, 6, 0, 9, 6}}
	for y, want := range map[float32][3]float32{-3: {0, 1, 2}, 0: {0, 1, 2}, 0.25: {1, 2, 3}, 1.5: {2, 7, 6}, 2: {0, 9, 6}, 2.5: {0, 9, 6}} {
		var row [3]float32
		if between(row[:], &v, y); row != want {
			t.Errorf("at %v: %v, want %v", y, row, want)
		}
	}
}

// A cell's value holds in its middle; between two middles it is mixed. The sky's blue
// is 255, so that on black the blue is the share of paint itself.
func TestHeatIsSmooth(t *testing.T) {
	blue := map[float64]byte{0.225: 0, 0.275: 9, 0.475: 85, 0.525: 104, 0.725: 180, 0.775: 190} // from 0 at a quarter to 190 at three
	for name, tt := range map[string]struct {
		w, h      int
		attention []float32
		at        func(share float64) int // a pixel whose middle is at that share of the side
	}{
		"across": {20, 6, []float32{0, 0.5, 0, 0.5}, func(s float64) int { return 3*20 + int(s*20) }},
		"down":   {6, 20, []float32{0, 0, 3, 3}, func(s float64) int { return int(s*20)*6 + 3 }},
	} {
		var f camera.Frame
		f.Resize(tt.w, tt.h)
		clear(f.Pix)
		Heat(&f, []pipeline.View{{Attention: tt.attention, Grid: 2}})
		for share, want := range blue {
			if got := f.Pix[3*tt.at(share)]; got != want {
				t.Errorf("%s: %d at %v, want %d", name, got, share, want)
			}
		}
	}
}

func TestNotice(t *testing.T) {
	f := camera.Frame{}
	f.Resize(320, 240)
	clear(f.Pix)
	var o Overlay
	o.Notice(&f, "the camera is away, trying again")
	top, rest := f.Pix[:3*320*40], f.Pix[3*320*60:]
	if bytes.Equal(top, make([]byte, len(top))) || !bytes.Equal(rest, make([]byte, len(rest))) {
		t.Error("the line is not at the top alone")
	}
}
