package track

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

func TestLock(t *testing.T) {
	here := model.Box{X1: 10, Y1: 10, X2: 20, Y2: 20}
	there := model.Box{X1: 50, Y1: 50, X2: 60, Y2: 60}
	type step struct {
		at      float64 // seconds
		box     model.Box
		score   float32
		second  float32 // score of the runner-up
		state   pipeline.State
		track   int
		present bool
	}
	yes := func(at float64, b model.Box, score, second float32, s pipeline.State, track int) step {
		return step{at, b, score, second, s, track, true}
	}
	no := func(at float64, s pipeline.State, track int) step {
		return step{at, model.Box{}, 0.2, 0.1, s, track, false}
	}
	for name, steps := range map[string][]step{
		"sure":                      {yes(0, here, 0.9, 0.2, pipeline.Locked, 1)},
		"low score":                 {yes(0, here, 0.4, 0.1, pipeline.Unsure, 1)},
		"two alike":                 {yes(0, here, 0.9, 0.85, pipeline.Unsure, 1)},
		"never there":               {no(0, pipeline.Absent, 0), no(1, pipeline.Absent, 0)},
		"kept at a lower score":     {yes(0, here, 0.9, 0, pipeline.Locked, 1), yes(0.1, here, 0.4, 0, pipeline.Locked, 1), yes(0.2, here, 0.3, 0, pipeline.Locked, 1), yes(0.35, here, 0.3, 0, pipeline.Unsure, 1), yes(0.4, here, 0.4, 0, pipeline.Unsure, 1)},
		"lost, then absent":         {yes(0, here, 0.9, 0, pipeline.Locked, 1), no(0.5, pipeline.Lost, 1), no(0.9, pipeline.Lost, 1), no(1.1, pipeline.Absent, 1)},
		"lost and found":            {yes(0, here, 0.9, 0, pipeline.Locked, 1), no(0.5, pipeline.Lost, 1), yes(0.6, there, 0.9, 0, pipeline.Locked, 1)},
		"absent and another":        {yes(0, here, 0.9, 0, pipeline.Locked, 1), no(2, pipeline.Absent, 1), yes(3, here, 0.9, 0, pipeline.Locked, 2)},
		"jump":                      {yes(0, here, 0.9, 0, pipeline.Locked, 1), yes(0.1, there, 0.9, 0, pipeline.Locked, 2)},
		"a jump does not keep":      {yes(0, here, 0.9, 0, pipeline.Locked, 1), yes(0.1, there, 0.4, 0, pipeline.Unsure, 2)},
		"box without an inside":     {yes(0, model.Box{X1: 5, Y1: 5, X2: 5, Y2: 9}, 0.9, 0, pipeline.Absent, 0)},
		"back and forth in one run": {no(0, pipeline.Absent, 0), yes(1, here, 0.9, 0, pipeline.Locked, 1), no(1.5, pipeline.Lost, 1), no(3, pipeline.Absent, 1), no(3.1, pipeline.Absent, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			var l lock
			for i, s := range steps {
				a := model.Answer{Phrase: "p", Present: s.present, Boxes: []model.Box{s.box, {}}, Scores: []float32{s.score, s.second}}
				l.update(&a, time.Duration(s.at*float64(time.Second)), 0, DefaultRules, false)
				if v := l.view; v.State != s.state || v.Track != s.track || v.HasBox() != (v.Box.Area() > 0) {
					t.Errorf("step %d: %v, track %d, box %v; want %v, track %d", i, v.State, v.Track, v.Box, s.state, s.track)
				}
			}
		})
	}
}

func TestStaleBoxIsHidden(t *testing.T) {
	start := time.Now()
	a := model.Answer{Phrase: "p", At: start, Present: true, Boxes: []model.Box{{X2: 9, Y2: 9}}, Scores: []float32{0.9}}
	for name, tt := range map[string]struct {
		took, age time.Duration
		want      pipeline.State
	}{
		"fresh":             {10 * time.Millisecond, time.Second, pipeline.Locked},
		"old":               {10 * time.Millisecond, 3 * time.Second, pipeline.Lost},
		"old, slow model":   {time.Second, 3 * time.Second, pipeline.Locked},
		"older, slow model": {time.Second, 5 * time.Second, pipeline.Lost},
		"clock set back":    {0, -time.Hour, pipeline.Locked},
	} {
		t.Run(name, func(t *testing.T) {
			var l lock
			l.update(&a, 0, tt.took, DefaultRules, false)
			v := l.shown(start.Add(tt.age), DefaultRules)
			if v.State != tt.want || v.Age != max(0, tt.age) || v.HasBox() != (v.Box.Area() > 0) {
				t.Errorf("shown = %+v, want %v", v, tt.want)
			}
		})
	}
}

func TestLockStaysWithItsTarget(t *testing.T) {
	own, other := model.Box{X1: 10, Y1: 10, X2: 20, Y2: 20}, model.Box{X1: 50, Y1: 50, X2: 60, Y2: 60}
	type step struct {
		at         float64 // seconds
		own, other float32 // scores; 0 is not among the answer's boxes
		box        model.Box
		track      int
	}
	for name, steps := range map[string][]step{
		"a look-alike flickers":      {{0, 0.8, 0.5, own, 1}, {0.1, 0.6, 0.7, own, 1}, {0.2, 0.8, 0.5, own, 1}, {0.7, 0.6, 0.7, own, 1}, {0.8, 0.8, 0.5, own, 1}},
		"it is better for long":      {{0, 0.8, 0.5, own, 1}, {0.1, 0.6, 0.7, own, 1}, {0.4, 0.6, 0.7, own, 1}, {0.7, 0.6, 0.7, other, 2}, {0.8, 0.6, 0.7, other, 2}},
		"it is better by far":        {{0, 0.8, 0.5, own, 1}, {0.1, 0.2, 0.8, other, 2}},
		"the target is gone from it": {{0, 0.8, 0.5, own, 1}, {0.1, 0, 0.8, other, 2}},
		"an unsure one, too":         {{0, 0.6, 0.55, own, 1}, {0.1, 0.55, 0.6, own, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var l lock
			for i, s := range steps {
				a := model.Answer{Phrase: "p", Present: true, Boxes: []model.Box{own, other}, Scores: []float32{s.own, s.other}}
				if s.other > s.own {
					a.Boxes, a.Scores = []model.Box{other, own}, []float32{s.other, s.own}
				}
				if s.own == 0 {
					a.Boxes, a.Scores = a.Boxes[:1], a.Scores[:1]
				}
				l.update(&a, time.Duration(s.at*float64(time.Second)), 0, DefaultRules, false)
				if v := l.view; v.Box != s.box || v.Track != s.track {
					t.Errorf("step %d: %v, track %d; want %v, track %d", i, v.Box, v.Track, s.box, s.track)
				}
				if want := a.Scores[0]; l.view.Box == a.Boxes[0] && l.view.Score != want || l.view.Box != a.Boxes[0] && l.view.Margin >= 0 {
					t.Errorf("step %d: score %v, margin %v of %v", i, l.view.Score, l.view.Margin, a.Scores)
				}
			}
		})
	}
}

func TestLockOutlastsAMissedAnswer(t *testing.T) {
	box, moved := model.Box{X1: 10, Y1: 10, X2: 20, Y2: 20}, model.Box{X1: 13, Y1: 10, X2: 23, Y2: 20}
	for name, carried := range map[string]bool{"carried": true, "standing still": false} {
		t.Run(name, func(t *testing.T) {
			var l lock
			found := model.Answer{Phrase: "p", Seq: 1, Present: true, Boxes: []model.Box{box}, Scores: []float32{0.9}}
			l.update(&found, 0, 0, DefaultRules, carried)
			l.history.add(4, moved) // shown there since
			l.update(&model.Answer{Phrase: "p", Seq: 4}, 100*time.Millisecond, 0, DefaultRules, carried)
			if v := l.view; carried && (v.State != pipeline.Locked || v.Box != moved || v.Seq != 4) || !carried && (v.State != pipeline.Lost || v.HasBox()) {
				t.Errorf("after one missed answer: %+v", v)
			}
			l.update(&model.Answer{Phrase: "p", Seq: 10}, 300*time.Millisecond, 0, DefaultRules, carried)
			if l.view.State != pipeline.Lost {
				t.Errorf("after two: %+v", l.view)
			}
		})
	}
}

func TestRules(t *testing.T) {
	if err := errors.Join(DefaultRules.Validate(), NoLock.Validate()); err != nil {
		t.Error(err)
	}
	wrong := Rules{Score: 2, Margin: -1, KeepRatio: float32(math.NaN()), KeepFor: -1, Stale: time.Second}
	err := wrong.Validate()
	for _, name := range []string{"score", "margin", "keep-ratio ", "keep-for"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
