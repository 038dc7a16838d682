package pipeline

import (
	"testing"
	"time"

	"deixis/model"
)

func TestLock(t *testing.T) {
	here := model.Box{X1: 10, Y1: 10, X2: 20, Y2: 20}
	there := model.Box{X1: 50, Y1: 50, X2: 60, Y2: 60}
	type step struct {
		at      float64 // seconds
		box     model.Box
		score   float32
		second  float32 // score of the runner-up
		state   State
		track   int
		present bool
	}
	yes := func(at float64, b model.Box, score, second float32, s State, track int) step {
		return step{at, b, score, second, s, track, true}
	}
	no := func(at float64, s State, track int) step {
		return step{at, model.Box{}, 0.2, 0.1, s, track, false}
	}
	for name, steps := range map[string][]step{
		"sure":                      {yes(0, here, 0.9, 0.2, Locked, 1)},
		"low score":                 {yes(0, here, 0.4, 0.1, Unsure, 1)},
		"two alike":                 {yes(0, here, 0.9, 0.85, Unsure, 1)},
		"never there":               {no(0, Absent, 0), no(1, Absent, 0)},
		"kept at a lower score":     {yes(0, here, 0.9, 0, Locked, 1), yes(0.1, here, 0.4, 0, Locked, 1), yes(0.2, here, 0.3, 0, Unsure, 1), yes(0.3, here, 0.4, 0, Unsure, 1)},
		"lost, then absent":         {yes(0, here, 0.9, 0, Locked, 1), no(0.5, Lost, 1), no(0.9, Lost, 1), no(1.1, Absent, 1)},
		"lost and found":            {yes(0, here, 0.9, 0, Locked, 1), no(0.5, Lost, 1), yes(0.6, there, 0.9, 0, Locked, 1)},
		"absent and another":        {yes(0, here, 0.9, 0, Locked, 1), no(2, Absent, 1), yes(3, here, 0.9, 0, Locked, 2)},
		"jump":                      {yes(0, here, 0.9, 0, Locked, 1), yes(0.1, there, 0.9, 0, Locked, 2)},
		"a jump does not keep":      {yes(0, here, 0.9, 0, Locked, 1), yes(0.1, there, 0.4, 0, Unsure, 2)},
		"box without an inside":     {yes(0, model.Box{X1: 5, Y1: 5, X2: 5, Y2: 9}, 0.9, 0, Absent, 0)},
		"back and forth in one run": {no(0, Absent, 0), yes(1, here, 0.9, 0, Locked, 1), no(1.5, Lost, 1), no(3, Absent, 1), no(3.1, Absent, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			var l lock
			for i, s := range steps {
				a := model.Answer{Phrase: "p", Present: s.present, Boxes: []model.Box{s.box, {}}, Scores: []float32{s.score, s.second}}
				l.update(&a, time.Duration(s.at*float64(time.Second)), 0, DefaultRules)
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
		want      State
	}{
		"fresh":             {10 * time.Millisecond, time.Second, Locked},
		"old":               {10 * time.Millisecond, 3 * time.Second, Lost},
		"old, slow model":   {time.Second, 3 * time.Second, Locked},
		"older, slow model": {time.Second, 5 * time.Second, Lost},
		"clock set back":    {0, -time.Hour, Locked},
	} {
		t.Run(name, func(t *testing.T) {
			var l lock
			l.update(&a, 0, tt.took, DefaultRules)
			v := l.shown(start.Add(tt.age), DefaultRules)
			if v.State != tt.want || v.Age != max(0, tt.age) || v.HasBox() != (v.Box.Area() > 0) {
				t.Errorf("shown = %+v, want %v", v, tt.want)
			}
		})
	}
}
