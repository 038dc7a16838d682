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
