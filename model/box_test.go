package model

import "testing"

func TestIoU(t *testing.T) {
	unit := Box{0, 0, 1, 1}
	for name, tt := range map[string]struct {
		other Box
		want  float32
	}{
		"same":     {unit, 1},
		"half":     {Box{0, 0, 0.5, 1}, 0.5},
		"touching": {Box{1, 0, 2, 1}, 0},
		"inverted": {Box{1, 1, 0, 0}, 0},
		"inside":   {Box{0.25, 0.25, 0.75, 0.75}, 0.25},
		"a line":   {Box{0, 0, 1, 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := unit.IoU(tt.other); got != tt.want {
				t.Errorf("IoU(%v) = %v, want %v", tt.other, got, tt.want)
			}
		})
	}
}

func TestIoUOfLargerBoxes(t *testing.T) {
	// 5 by 8 of 10 by 8 and 10 by 10 are common: 40 of 80 + 100 - 40.
	a, b := Box{10, 20, 20, 28}, Box{15, 20, 25, 30}
	if got := a.IoU(b); got != 40./140 || b.IoU(a) != got {
		t.Errorf("IoU = %v and %v, want %v", got, b.IoU(a), 40./140)
	}
}

func TestClip(t *testing.T) {
	for name, tt := range map[string]struct{ box, want Box }{
		"inside":     {Box{1, 2, 3, 4}, Box{1, 2, 3, 4}},
		"overlaps":   {Box{-5, -5, 50, 50}, Box{0, 0, 10, 8}},
		"outside":    {Box{20, 20, 30, 30}, Box{10, 8, 10, 8}},
		"all before": {Box{-9, -9, -1, -1}, Box{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.box.Clip(10, 8); got != tt.want {
				t.Errorf("Clip = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAnswerSays(t *testing.T) {
	for name, tt := range map[string]struct {
		answer        Answer
		box           Box
		score, margin float32
	}{
		"empty":   {},
		"absent":  {Answer{Boxes: []Box{{1, 1, 2, 2}}, Scores: []float32{0.5}}, Box{}, 0.5, 0.5},
		"certain": {Answer{Present: true, Boxes: []Box{{1, 1, 2, 2}, {}}, Scores: []float32{0.75, 0.25}}, Box{1, 1, 2, 2}, 0.75, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			a := tt.answer
			if a.Box() != tt.box || a.Score() != tt.score || a.Margin() != tt.margin {
				t.Errorf("got %v %v %v, want %v %v %v", a.Box(), a.Score(), a.Margin(), tt.box, tt.score, tt.margin)
			}
		})
	}
}

func TestBoxMirror(t *testing.T) {
	b := Box{10, 20, 30, 40}
	if got := b.Mirror(100); got != (Box{70, 20, 90, 40}) || got.Mirror(100) != b {
		t.Errorf("Mirror = %v", got)
	}
}
