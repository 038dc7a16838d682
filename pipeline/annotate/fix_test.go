package annotate

import (
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

// between two things at x = 0 and x = 300, of which the wrong one is answered best on
// every frame, for three seconds.
func mistaken(t *testing.T, fixes ...Fix) *Video {
	t.Helper()
	s := DefaultSettings
	s.Fixes = fixes
	c := NewCollector("v", "v.mp4", []string{"it", "other"}, s, nil)
	box := func(x float32) model.Box { return model.Box{X1: x, X2: x + 40, Y2: 40} }
	for n := range 30 {
		f := camera.Frame{Seq: uint64(n + 1), PTS: time.Duration(n) * 100 * time.Millisecond, Width: 640, Height: 480}
		a := model.Answer{Phrase: "it", Present: true, Presence: 0.9, Boxes: []model.Box{box(0), box(300)}, Scores: []float32{0.6, 0.3}}
		b := a
		b.Phrase = "other"
		if err := c.Take(&f, []model.Answer{a, b}); err != nil {
			t.Fatal(err)
		}
	}
	v, err := c.Video()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// at counts the boxes of a phrase at an x.
func at(v *Video, phrase int, x float32) (n int) {
	for _, k := range v.Tracks {
		for _, b := range k.Boxes {
			if k.Phrase == phrase && b.X1 == x {
				n++
			}
		}
	}
	return n
}

func TestFixes(t *testing.T) {
	right := &model.Box{X1: 300, X2: 340, Y2: 40}
	new := &model.Box{X1: 500, X2: 540, Y2: 40}
	whole := Fix{Source: "v.mp4", Phrase: "it", To: 3 * time.Second}
	with := func(f Fix, frame int, box *model.Box) Fix { f.Frame, f.Box = frame, box; return f }
	for name, tt := range map[string]struct {
		fixes       []Fix
		left, right int // boxes of "it" on the one answered, and on the other
	}{
		"none":                           {nil, 30, 0},
		"drawn once, and it stays":       {[]Fix{with(whole, 15, right)}, 0, 30},
		"not there":                      {[]Fix{with(whole, 3, nil)}, 0, 0},
		"not there for a second":         {[]Fix{{Phrase: "it", Frame: 12, From: time.Second, To: 2 * time.Second}}, 20, 0},
		"a box that nobody answered":     {[]Fix{with(whole, 15, new)}, 29, 0},
		"drawn where it is not, at last": {[]Fix{with(whole, 3, nil), with(whole, 15, right)}, 0, 1},
	} {
		v := mistaken(t, tt.fixes...)
		if l, r := at(v, 0, 0), at(v, 0, 300); name != "a box that nobody answered" && name != "drawn where it is not, at last" && (l != tt.left || r != tt.right) {
			t.Errorf("%s: %d and %d boxes, want %d and %d", name, l, r, tt.left, tt.right)
		}
		if n := at(v, 1, 0); n != 30 {
			t.Errorf("%s: the other phrase has %d boxes, want 30", name, n)
		}
	}
	if v := mistaken(t, with(whole, 15, new)); at(v, 0, 500) != 1 {
		t.Error("a box that was drawn is not there")
	}
	if v := mistaken(t, with(whole, 10, new), with(whole, 20, new)); at(v, 0, 500) != 11 {
		t.Errorf("of frames between two that were drawn %d have the box, want all 11", at(v, 0, 500))
	}
	if own := FixesOf([]Fix{whole, {Source: "w.mp4"}}, "v.mp4"); len(own) != 1 {
		t.Errorf("%+v", own)
	}
}
