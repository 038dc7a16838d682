package annotate

import (
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// take collects one answer a frame, ten a second, of boxes of side 40; nil is an answer
// without a box.
func take(s Settings, at ...*float32) *Video {
	c := NewCollector("v", "v.mp4", []string{"it"}, s, nil)
	for n, x := range at {
		f := camera.Frame{Seq: uint64(n + 1), PTS: time.Duration(n) * 100 * time.Millisecond, Width: 640, Height: 480}
		a := model.Answer{Phrase: "it", Presence: 0.1}
		if x != nil {
			a = model.Answer{Phrase: "it", Present: true, Presence: 0.9, Boxes: []model.Box{{X1: *x, X2: *x + 40, Y2: 40}}, Scores: []float32{0.8}}
		}
		c.Take(&f, []model.Answer{a})
	}
	v, _ := c.Video() // memory does not fail
	return v
}

func x(v float32) *float32 { return &v }

func TestTracks(t *testing.T) {
	for name, tt := range map[string]struct {
		at   []*float32
		want [][2]int // first and last frame of each track
		more func(s *Settings)
	}{
		"one":                 {[]*float32{x(0), x(1), x(2), x(3)}, [][2]int{{0, 3}}, nil},
		"seen once":           {[]*float32{nil, nil, x(0), nil, nil}, nil, nil},
		"a video of a moment": {[]*float32{x(0)}, [][2]int{{0, 0}}, nil},
		"a gap":               {[]*float32{x(0), x(1), x(2), nil, nil, x(8), x(9)}, [][2]int{{0, 6}}, nil},
		"two things":          {[]*float32{x(0), x(1), x(2), x(400), x(401), x(402)}, [][2]int{{0, 2}, {3, 5}}, nil},
		"none":                {[]*float32{nil, nil}, nil, nil},
		"unrelated":           {[]*float32{x(0), x(0), nil, x(0)}, [][2]int{{0, 0}, {1, 1}, {3, 3}}, func(s *Settings) { s.Unrelated = true }},
		"seen three times":    {[]*float32{nil, nil, x(0), x(0), x(0), nil}, [][2]int{{2, 4}}, nil},
		"too short":           {[]*float32{nil, nil, x(0), x(0), x(0), nil}, nil, func(s *Settings) { s.Least = 400 * time.Millisecond }},
	} {
		s := DefaultSettings
		if tt.more != nil {
			tt.more(&s)
		}
		v := take(s, tt.at...)
		if len(v.Tracks) != len(tt.want) {
			t.Errorf("%s: %d tracks, want %d: %+v", name, len(v.Tracks), len(tt.want), v.Tracks)
			continue
		}
		for i, w := range tt.want {
			k := v.Tracks[i]
			if k.ID != i+1 || k.Boxes[0].Frame != w[0] || k.Boxes[len(k.Boxes)-1].Frame != w[1] {
				t.Errorf("%s: track %d from frame %d to %d, want %d", name, k.ID, k.Boxes[0].Frame, k.Boxes[len(k.Boxes)-1].Frame, w)
			}
		}
	}
}

// TestAnswersStayWithTheirPhrase: whatever order they come in, and however often a
// phrase was asked for.
func TestAnswersStayWithTheirPhrase(t *testing.T) {
	c := NewCollector("v", "v.mp4", []string{"a", "a", "b"}, Settings{Path: DefaultSettings.Path}, nil)
	answer := func(phrase string, at float32) model.Answer {
		return model.Answer{Phrase: phrase, Present: true, Presence: 0.9, Boxes: []model.Box{{X1: at, X2: at + 40, Y2: 40}}, Scores: []float32{0.8}}
	}
	for n := range 3 {
		f := camera.Frame{PTS: time.Duration(n) * 100 * time.Millisecond, Width: 640, Height: 480}
		c.Take(&f, []model.Answer{answer("b", 300), answer("nobody's", 500), answer("a", 100)})
	}
	v, err := c.Video()
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Phrases) != 2 || len(v.Tracks) != 2 {
		t.Fatalf("phrases %q, tracks %+v", v.Phrases, v.Tracks)
	}
	for _, k := range v.Tracks {
		if want := map[string]float32{"a": 100, "b": 300}[v.Phrases[k.Phrase]]; len(k.Boxes) != 3 || k.Boxes[0].X1 != want {
			t.Errorf("%q is at %+v, want %v", v.Phrases[k.Phrase], k.Boxes, want)
		}
	}
}

func TestGapsAreClosedInAStraightLine(t *testing.T) {
	v := take(DefaultSettings, x(0), x(0), nil, nil, x(6), x(6))
	if len(v.Tracks) != 1 || len(v.Tracks[0].Boxes) != 6 {
		t.Fatalf("tracks %+v", v.Tracks)
	}
	for i, want := range []float32{0, 0, 2, 4, 6, 6} {
		if b := v.Tracks[0].Boxes[i]; b.Frame != i || b.X1 < want-0.01 || b.X1 > want+0.01 {
			t.Errorf("box %d is %+v, want it at %v", i, b, want)
		}
	}
	long := make([]*float32, 20)
	long[0], long[1], long[18], long[19] = x(0), x(1), x(2), x(3)
	s := DefaultSettings
	if v := take(s, long...); len(v.Tracks) != 1 || len(v.Tracks[0].Boxes) != 4 {
		t.Errorf("a long gap is not left open: %+v", v.Tracks)
	}
}

func TestViews(t *testing.T) {
	s := DefaultSettings
	s.CloseGap = 0
	v := take(s, x(0), x(1), x(2), nil, x(4), x(5), x(6))
	var states []pipeline.State
	err := v.Views(func(frame int, views []pipeline.View) error {
		w := views[0]
		states = append(states, w.State)
		if w.Phrase != "it" || w.Seq != uint64(frame+1) || w.HasBox() != (w.Track == 1) {
			t.Errorf("frame %d: %+v", frame, w)
		}
		return nil
	})
	if err != nil || len(states) != 7 || states[2] != pipeline.Locked || states[3] != pipeline.Absent {
		t.Errorf("states %v, %v", states, err)
	}
}
