package track

import (
	"testing"

	"deixis/model"
)

func TestTrackBox(t *testing.T) {
	for name, tt := range map[string]struct {
		w, h  int
		box   model.Box
		by    motion
		guess point
	}{
		"shifted":             {320, 240, model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, motion{shift: point{4, -3}}, point{}},
		"shifted far, guess":  {320, 240, model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, motion{shift: point{40, 25}}, point{39, 26}},
		"grown":               {320, 240, model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, motion{center: point{130, 100}, grow: 1.05}, point{}},
		"grown about a side":  {320, 240, model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, motion{center: point{80, 60}, shift: point{2, 3}, grow: 1.04}, point{}},
		"shrunk":              {320, 240, model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, motion{center: point{130, 100}, shift: point{1, 1}, grow: 0.96}, point{}},
		"small":               {320, 240, model.Box{X1: 100, Y1: 90, X2: 124, Y2: 110}, motion{shift: point{1, 2}}, point{}},
		"as small as may be":  {320, 240, model.Box{X1: 100, Y1: 90, X2: 130, Y2: 96}, motion{shift: point{1, 1}}, point{}},
		"at half the size":    {640, 480, model.Box{X1: 200, Y1: 160, X2: 400, Y2: 300}, motion{shift: point{6, -4}}, point{}},
		"half the size, fast": {640, 480, model.Box{X1: 200, Y1: 160, X2: 400, Y2: 300}, motion{shift: point{60, -44}}, point{61, -42}},
	} {
		t.Run(name, func(t *testing.T) {
			var w boxTracker
			from, to := newPyramid(render(1, tt.w, tt.h, motion{})), newPyramid(render(2, tt.w, tt.h, tt.by))
			box, moved, ok := w.track(from, to, tt.box, tt.guess)
			if !ok {
				t.Fatal("not tracked")
			}
			grow := float32(1)
			if tt.by.grow != 0 {
				grow = tt.by.grow
			}
			to2 := func(x, y float32) point {
				c := tt.by.center
				return point{c.x + (x-c.x)*grow + tt.by.shift.x, c.y + (y-c.y)*grow + tt.by.shift.y}
			}
			p, q := to2(tt.box.X1, tt.box.Y1), to2(tt.box.X2, tt.box.Y2)
			want := model.Box{X1: p.x, Y1: p.y, X2: q.x, Y2: q.y}
			if !near(middle(box), middle(want), 0.5) || !nearly(box.X2-box.X1, want.X2-want.X1, 1) || !nearly(box.Y2-box.Y1, want.Y2-want.Y1, 1) {
				t.Errorf("tracked to %v, want %v", box, want)
			}
			if !near(moved, middle(want).minus(middle(tt.box)), 0.5) {
				t.Errorf("moved by %v, want %v", moved, middle(want).minus(middle(tt.box)))
			}
		})
	}
}

func TestTrackBoxThatCannotBe(t *testing.T) {
	from, to := newPyramid(render(1, 320, 240, motion{})), newPyramid(render(2, 320, 240, motion{shift: point{2, 1}}))
	half := newPyramid(render(2, 640, 480, motion{}))
	other := *to
	for i := range other.planes {
		pix := make([]byte, len(to.planes[i].pix))
		for j := range pix {
			pix[j] = byte(uint32(j) * 2654435761 >> 24) // noise
		}
		other.planes[i].pix = pix
	}
	for name, tt := range map[string]struct {
		box model.Box
		to  *pyramid
	}{
		"too small":           {model.Box{X1: 100, Y1: 90, X2: 140, Y2: 95.9}, to},
		"too narrow":          {model.Box{X1: 100, Y1: 90, X2: 105.9, Y2: 140}, to},
		"another scale":       {model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, half},
		"another picture":     {model.Box{X1: 80, Y1: 60, X2: 180, Y2: 140}, &other},
		"without its corners": {model.Box{X1: -300, Y1: -300, X2: -100, Y2: -100}, to},
	} {
		var w boxTracker
		if box, moved, ok := w.track(from, tt.to, tt.box, point{}); ok || box != tt.box || moved != (point{}) {
			t.Errorf("%s: tracked to %v by %v", name, box, moved)
		}
	}
}

func TestCenterWeight(t *testing.T) {
	for i, want := range []float32{0.4, 1 - 0.6*4/9, 1 - 0.6/9, 1, 1 - 0.6/9, 1 - 0.6*4/9, 0.4} {
		if got := centerWeight(i); !nearly(got, want, 1e-6) {
			t.Errorf("cell %d: %v, want %v", i, got, want)
		}
	}
}

// The gradients of 10 + i*i + j*j over two pixels are 4*i and 4*j, and its texture is
// the same everywhere: 16 times the mean of -3 to 3 squared, which is 4, a pixel.
func TestTexture(t *testing.T) {
	p := &plane{w: 16, h: 15, pix: make([]byte, 16*15)}
	for y := range p.h {
		for x := range p.w {
			p.pix[y*p.w+x] = byte(10 + (x-8)*(x-8) + (y-7)*(y-7))
		}
	}
	for _, at := range [][2]int{{8, 7}, {9, 7}, {6, 8}, {10, 5}} {
		if got := p.texture(at[0], at[1]); !nearly(got, 16, 1e-3) {
			t.Errorf("at %d: %v, want 16", at, got)
		}
	}
}

// blob is a plane with one bright spot.
func blob(w, h, x, y int) *plane {
	p := &plane{w: w, h: h, pix: make([]byte, w*h)}
	for j := -2; j <= 2; j++ {
		for i := -2; i <= 2; i++ {
			if u, v := x+i, y+j; u >= 0 && v >= 0 && u < w && v < h {
				p.pix[v*w+u] = byte(250 / (1 + i*i + j*j))
			}
		}
	}
	return p
}

func TestCorner(t *testing.T) {
	box := model.Box{X1: 10, Y1: 20, X2: 80, Y2: 90} // cells of 10, looked at 1, 5 and 8 pixels from their sides
	for name, tt := range map[string]struct {
		x, y, cx, cy int
		want         point
		ok           bool
	}{
		"at a place looked at": {48, 58, 3, 3, point{48, 58}, true},
		"the first of it":      {41, 51, 3, 3, point{41, 51}, true},
		"in its middle":        {45, 55, 3, 3, point{45, 55}, true},
		"another cell":         {28, 81, 1, 6, point{28, 81}, true},
		"nothing in the cell":  {48, 58, 1, 6, point{}, false},
	} {
		if got, ok := blob(100, 110, tt.x, tt.y).corner(box, tt.cx, tt.cy); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v (%v), want %v", name, got, ok, tt.want)
		}
	}
}

// A window and the pixel around it must lie within the picture.
func TestCornerNearTheRim(t *testing.T) {
	const w, h = 40, 40
	for name, tt := range map[string]struct {
		x, y int
		want point
	}{
		"left": {4, 20, point{5, 20}}, "just left": {5, 20, point{5, 20}},
		"above": {20, 4, point{20, 5}}, "just above": {20, 5, point{20, 5}},
		"right": {w - 6, 20, point{w - 7, 20}}, "just right": {w - 7, 20, point{w - 7, 20}},
		"below": {20, h - 6, point{20, h - 7}}, "just below": {20, h - 7, point{20, h - 7}},
	} {
		// Cells of 3 pixels, each of which is looked at, with the blob's in the middle one.
		x1, y1 := float32(tt.x)-10, float32(tt.y)-10
		box := model.Box{X1: x1, Y1: y1, X2: x1 + 21, Y2: y1 + 21}
		got, ok := blob(w, h, tt.x, tt.y).corner(box, 3, 3)
		if !ok || !near(got, tt.want, 2) || got.x < 5 || got.y < 5 || got.x > w-7 || got.y > h-7 {
			t.Errorf("%s: %v (%v), want about %v", name, got, ok, tt.want)
		}
	}
	for name, at := range map[string]point{"left": {4, 20}, "above": {20, 4}, "right": {w - 6, 20}, "below": {20, h - 6}} {
		box := model.Box{X1: at.x - 10.5, Y1: at.y - 10.5, X2: at.x + 10.5, Y2: at.y + 10.5}
		small := model.Box{X1: at.x - 0.35, Y1: at.y - 0.35, X2: at.x + 0.35, Y2: at.y + 0.35} // all places of a cell are one pixel
		if got, ok := blob(w, h, int(at.x), int(at.y)).corner(small, 6, 6); ok {
			t.Errorf("%s: %v of %v has no window", name, got, box)
		}
	}
}

// tracks makes n tracks of weight 1 that moved by x.
func tracks(n int, x float32) []pointTrack {
	var all []pointTrack
	for i := range n {
		all = append(all, pointTrack{from: point{float32(10 * i), 0}, by: point{x, 0}, weight: 1})
	}
	return all
}

func TestConsensus(t *testing.T) {
	box := model.Box{X1: 90, Y1: 40, X2: 140, Y2: 60} // 50 wide: motions up to 2 pixels apart agree
	for name, tt := range map[string]struct {
		tracks  []pointTrack
		tried   float32 // weight
		ok      bool
		inliers int
	}{
		"enough":                      {tracks(5, 3), 5, true, 5},
		"too few":                     {tracks(4, 3), 4, false, 0},
		"some apart":                  {append(tracks(5, 3), tracks(2, 9)...), 7, true, 5},
		"the many, not the first":     {append(tracks(3, 9), tracks(5, 3)...), 8, true, 5},
		"just alike":                  {append(tracks(4, 3), tracks(1, 5)...), 5, true, 5},
		"just not alike":              {append(tracks(4, 3), tracks(1, 5.01)...), 5, false, 4},
		"half of those tracked":       {append(tracks(5, 3), append(tracks(3, 9), tracks(2, 20)...)...), 10, true, 5},
		"less than half":              {append(tracks(5, 3), append(tracks(3, 9), tracks(3, 20)...)...), 11, false, 5},
		"an eighth of those tried":    {tracks(6, 3), 49, true, 6},
		"too few of those tried":      {tracks(6, 3), 51, false, 6},
		"apart the other way, too":    {append(tracks(5, 3), tracks(2, -9)...), 7, true, 5},
		"none":                        {nil, 0, false, 0},
		"more points, but less weigh": {append(light(6, 9), tracks(5, 3)...), 6, true, 5},
	} {
		w := boxTracker{tracks: tt.tracks}
		ok := w.consensus(box, tt.tried)
		if ok != tt.ok || len(w.inliers) != tt.inliers {
			t.Errorf("%s: %v with %d inliers, want %v with %d", name, ok, len(w.inliers), tt.ok, tt.inliers)
		}
		for _, in := range w.inliers {
			if in.by.x != 3 && in.by.x != 5 {
				t.Errorf("%s: what moved by %v is no inlier", name, in.by)
			}
		}
	}
	down := append(tracks(5, 3), pointTrack{by: point{3, 2.01}, weight: 1})
	if w := (boxTracker{tracks: down}); !w.consensus(box, 6) || len(w.inliers) != 5 {
		t.Errorf("apart in height alone: %d inliers", len(w.inliers))
	}
}

func light(n int, x float32) []pointTrack {
	all := tracks(n, x)
	for i := range all {
		all[i].weight = 0.1
	}
	return all
}

func TestMotion(t *testing.T) {
	box := model.Box{X1: 100, Y1: 80, X2: 200, Y2: 160} // its middle is at 150, 120
	for name, tt := range map[string]struct {
		step     float32 // between points
		grow     float32
		shift    point
		wantGrow float32
		exact    bool
	}{
		"shifted":          {20, 1, point{3, -2}, 1, true},
		"grown":            {20, 1.125, point{3, -2}, 1.125, true},
		"shrunk":           {20, 0.875, point{-1, 4}, 0.875, true},
		"by too much":      {20, 1.5, point{}, maxGrowth, false},
		"or too little":    {20, 0.5, point{}, 1 / float32(maxGrowth), false},
		"too close to say": {2, 1.125, point{3, -2}, 1, false},
	} {
		var w boxTracker
		for i := range 3 {
			for j := range 3 {
				from := point{150 + tt.step*float32(i-1), 120 + tt.step*float32(j-1)}
				lever := from.minus(point{150, 120})
				by := point{lever.x*(tt.grow-1) + tt.shift.x, lever.y*(tt.grow-1) + tt.shift.y}
				w.inliers = append(w.inliers, pointTrack{from: from, by: by, weight: 1})
			}
		}
		grow, shift := w.motion(box)
		if !nearly(grow, tt.wantGrow, 1e-5) || tt.exact && !near(shift, tt.shift, 1e-4) {
			t.Errorf("%s: grown by %v, shifted by %v; want %v, %v", name, grow, shift, tt.wantGrow, tt.shift)
		}
	}
}

// Points at one side of a thing that grows move away from its middle: what is left
// without that is how the middle moved.
func TestMotionOfPointsAtOneSide(t *testing.T) {
	var w boxTracker
	for i := range 3 {
		for j := range 3 {
			lever := point{15 + 15*float32(i), 10 + 15*float32(j)}
			by := lever.plus(lever).plus(point{4 * 3, 4 * -2}) // a quarter of four times the motion, exactly
			w.inliers = append(w.inliers, pointTrack{from: point{150, 120}.plus(lever), by: point{by.x / 16, by.y / 16}, weight: 1})
		}
	}
	grow, shift := w.motion(model.Box{X1: 100, Y1: 80, X2: 200, Y2: 160})
	if !nearly(grow, 1.125, 1e-5) || !near(shift, point{0.75, -0.5}, 1e-4) {
		t.Errorf("grown by %v, shifted by %v; want 1.125, 0.75 and -0.5", grow, shift)
	}
}

func TestMedian(t *testing.T) {
	for want, xs := range map[float32][]float32{7: {7}, 2: {3, 1, 2}, 2.5: {4, 1, 3, 2}} {
		if got := median(xs); got != want {
			t.Errorf("median %v, want %v", got, want)
		}
	}
}
