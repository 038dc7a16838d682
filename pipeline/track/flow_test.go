package track

import (
	"math"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// textured is a frame with one patch of texture on a ground that has none: its grey
// changes in one direction only, which tells no point from its neighbours. The patch's
// pixels are a smooth function of their place in it; its top left corner is at x, y,
// and it is size pixels wide and high.
func textured(seq uint64, x, y, size float64) *camera.Frame {
	f := &camera.Frame{Seq: seq}
	f.Resize(320, 240)
	for py := range f.Height {
		for px := range f.Width {
			grey := 128 + 90*math.Sin(float64(px)/60)
			if u, v := (float64(px)-x)/size, (float64(py)-y)/size; u >= 0 && v >= 0 && u < 1 && v < 1 {
				grey = 128 + 60*math.Sin(17*u+3*math.Sin(7*v)) + 60*math.Cos(15*v+2*math.Cos(8*u))
			}
			p := 3 * (py*f.Width + px)
			f.Pix[p], f.Pix[p+1], f.Pix[p+2] = byte(grey), byte(grey), byte(grey)
		}
	}
	return f
}

// negative turns bright and dark round.
func negative(f *camera.Frame) *camera.Frame {
	for i, v := range f.Pix {
		f.Pix[i] = 255 - v
	}
	return f
}

func square(x, y, size float64) model.Box {
	return model.Box{X1: float32(x), Y1: float32(y), X2: float32(x + size), Y2: float32(y + size)}
}

func at(seq uint64, box model.Box) []pipeline.View {
	return []pipeline.View{{Phrase: "p", State: pipeline.Locked, Box: box, Seq: seq}}
}

// TestCarry moves a patch between the frame answered and the frame shown. A tracked
// corner may be off by half a pixel in each direction, which on 80 pixels leaves an
// IoU above 0.96.
func TestCarry(t *testing.T) {
	for name, tt := range map[string]struct {
		dx, dy, grow float64 // from frame to frame
		frames       int
	}{
		"stands":     {0, 0, 1, 4},
		"right":      {5, 0, 1, 4},
		"left":       {-5, 0, 1, 4},
		"down":       {0, 6, 1, 4},
		"up":         {0, -6, 1, 4},
		"quick":      {10, 7, 1, 3},
		"by halves":  {1.5, -2.5, 1, 5},
		"comes near": {0, 0, 1.05, 3},
		"goes away":  {1, 1, 0.96, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var c Carrier
			x, y, size := 120.0, 80.0, 80.0
			first := textured(1, x, y, size)
			c.Add(first)
			views := at(1, square(x, y, size))
			for seq := uint64(2); seq < uint64(2+tt.frames); seq++ {
				x, y = x+tt.dx-size*(tt.grow-1)/2, y+tt.dy-size*(tt.grow-1)/2
				size *= tt.grow
				f := textured(seq, x, y, size)
				c.Add(f)
				views = at(1, square(120, 80, 80)) // the line asks anew with each frame
				c.Carry(f, views)
				if iou := views[0].Box.IoU(square(x, y, size)); iou < 0.9 || views[0].State != pipeline.Locked {
					t.Errorf("frame %d: %v, the thing is at %v (IoU %.3f)", seq, views[0].Box, square(x, y, size), iou)
				}
			}
			if tt.grow == 1 && views[0].Box.IoU(square(x, y, size)) < 0.96 {
				t.Errorf("a thing of one size at %v ends at %v", square(x, y, size), views[0].Box)
			}
		})
	}
}

func TestCarryOverManyFramesAtOnce(t *testing.T) {
	var c Carrier
	const step = 4.0
	var last *camera.Frame
	for seq := uint64(1); seq <= 20; seq++ { // an answer that comes 19 frames late
		last = textured(seq, 60+step*float64(seq-1), 80, 80)
		c.Add(last)
	}
	views := at(1, square(60, 80, 80))
	c.Carry(last, views)
	if want := square(60+19*step, 80, 80); views[0].Box.IoU(want) < 0.9 {
		t.Errorf("at %v, want %v", views[0].Box, want)
	}
}

// TestCarryKnowsTheSpeed has a thing that moves further between two answers than
// could be found from its place alone.
func TestCarryKnowsTheSpeed(t *testing.T) {
	var c Carrier
	place := func(seq uint64) float64 { return 20 + 9*float64(seq-1) }
	var views []pipeline.View
	for seq := uint64(1); seq <= 14; seq++ {
		f := textured(seq, place(seq), 80, 80)
		c.Add(f)
		answer := (seq-1)/4*4 + 1
		views = at(answer, square(place(answer), 80, 80))
		c.Carry(f, views)
		if iou := views[0].Box.IoU(square(place(seq), 80, 80)); iou < 0.85 {
			t.Errorf("frame %d by the answer on %d: IoU %.2f", seq, answer, iou)
		}
	}
}

func TestACutLosesTheBox(t *testing.T) {
	var c Carrier
	one := textured(1, 120, 80, 80)
	c.Add(one)
	two := negative(textured(2, 120, 80, 80)) // another scene: what was bright is dark
	c.Add(two)
	views := at(1, square(120, 80, 80))
	if c.Carry(two, views); views[0].State != pipeline.Lost || views[0].Box != (model.Box{}) {
		t.Errorf("after a cut: %+v", views[0])
	}
	views = at(2, square(120, 80, 80))
	if c.Carry(two, views); views[0].State != pipeline.Locked || views[0].Box != square(120, 80, 80) {
		t.Errorf("an answer on the frame shown is moved: %+v", views[0])
	}
}

func TestWhatIsACut(t *testing.T) {
	base := textured(1, 120, 80, 80)
	brighter := textured(2, 120, 80, 80)
	for i, v := range brighter.Pix {
		brighter.Pix[i] = v/2 + 100
	}
	mirrored := textured(2, 120, 80, 80)
	mirrored.Mirrored = true
	small := &camera.Frame{Seq: 2}
	small.Resize(160, 120)
	flat := &camera.Frame{Seq: 2}
	flat.Resize(320, 240)
	for name, tt := range map[string]struct {
		to   *camera.Frame
		want bool
	}{
		"the same":       {textured(2, 120, 80, 80), false},
		"a step aside":   {textured(2, 126, 80, 80), false},
		"another light":  {brighter, false},
		"a negative":     {negative(textured(2, 120, 80, 80)), true},
		"mirrored":       {mirrored, true},
		"another size":   {small, true},
		"nothing at all": {flat, true},
	} {
		if got := newPyramid(tt.to).cut(newPyramid(base)); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// A box is as old as the newest picture that it was found or tracked in.
func TestWhenABoxWasKnown(t *testing.T) {
	answered := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		box     model.Box
		tracked bool
	}{
		"tracked":         {square(120, 80, 80), true},
		"on plain ground": {square(10, 150, 60), false},
	} {
		var c Carrier
		c.Add(textured(1, 120, 80, 80))
		next := textured(2, 121, 80, 80)
		next.At = answered.Add(time.Second)
		c.Add(next)
		views := at(1, tt.box)
		views[0].At = answered
		want := answered
		if tt.tracked {
			want = next.At
		}
		if c.Carry(next, views); !views[0].At.Equal(want) {
			t.Errorf("%s: known at %v, want %v", name, views[0].At, want)
		}
	}
}

func TestABoxThatCannotBeTrackedStaysForAWhile(t *testing.T) {
	var c Carrier
	c.Add(textured(1, 120, 80, 80))
	box := square(10, 150, 60) // plain ground
	for seq := uint64(2); seq < 30; seq++ {
		f := textured(seq, 120, 80, 80)
		c.Add(f)
		views := at(1, box)
		if c.Carry(f, views); views[0].Box != box || views[0].State != pipeline.Locked {
			t.Fatalf("frame %d: %+v", seq, views[0])
		}
	}
}

func TestPyramid(t *testing.T) {
	f := &camera.Frame{Seq: 3}
	f.Resize(640, 480)
	for y := range f.Height {
		for x := range f.Width {
			p := 3 * (y*f.Width + x)
			f.Pix[p], f.Pix[p+1], f.Pix[p+2] = byte(x/4), byte(x/4), byte(x/4) // grey rises to the right
		}
	}
	g := newPyramid(f)
	if g.scale != 2 || g.seq != 3 || len(g.planes) != levels {
		t.Fatalf("scale %d, frame %d, %d levels", g.scale, g.seq, len(g.planes))
	}
	for i, p := range g.planes {
		if p.w != 320>>i || p.h != 240>>i || len(p.pix) != p.w*p.h {
			t.Errorf("level %d: %dx%d, %d pixels", i, p.w, p.h, len(p.pix))
		}
		for _, x := range []int{0, p.w / 3, p.w - 1} {
			center := (float64(x)+0.5)*float64(int(2)<<i) - 0.5 // of the pixel, in the frame's pixels
			want := center / 4
			if got := float64(p.pix[(p.h/2)*p.w+x]); !(math.Abs(got-want) <= 1) { // each level rounds by half
				t.Errorf("level %d at %d: grey %v, want about %.1f", i, x, got, want)
			}
		}
	}
}

func TestViewOf(t *testing.T) {
	one := []model.Box{{X2: 9, Y2: 9}, {X1: 20, X2: 30, Y2: 9}}
	for name, tt := range map[string]struct {
		a    model.Answer
		want pipeline.State
	}{
		"sure":      {model.Answer{Present: true, Boxes: one, Scores: []float32{0.9, 0.05}}, pipeline.Locked},
		"two alike": {model.Answer{Present: true, Boxes: one, Scores: []float32{0.5, 0.45}}, pipeline.Unsure},
		"doubtful":  {model.Answer{Present: true, Boxes: one, Scores: []float32{0.4, 0.05}}, pipeline.Unsure},
		"not there": {model.Answer{}, pipeline.Absent},
	} {
		v := ViewOf(&tt.a)
		if v.State != tt.want || v.HasBox() != (v.Box.Area() > 0) {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
