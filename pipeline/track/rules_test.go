package track

import (
	"testing"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// atLimits are rules of halves and quarters, which floats hold exactly, so that an
// answer can meet each to the point.
var atLimits = Rules{
	Score: 0.5, Margin: 0.25, KeepRatio: 0.5, KeepFor: 200 * time.Millisecond, LostFor: time.Second,
	Same: 0.5, Jump: 0.25, JumpAfter: 500 * time.Millisecond, Stale: 2 * time.Second,
}

const ms = time.Millisecond

// What a rule says is "at least" counts where it is met to the point.
func TestRulesAtTheirLimits(t *testing.T) {
	here := model.Box{X2: 20, Y2: 10}
	near := model.Box{X2: 10, Y2: 10} // IoU 0.5 with here
	far := model.Box{X1: 100, X2: 120, Y2: 10}
	type step struct {
		at     time.Duration
		boxes  []model.Box
		scores []float32
		state  pipeline.State
		box    model.Box
		track  int
	}
	one := func(at time.Duration, b model.Box, score, second float32, s pipeline.State, track int) step {
		return step{at, []model.Box{b, {}}, []float32{score, second}, s, b, track}
	}
	none := func(at time.Duration, s pipeline.State) step { return step{at: at, state: s, track: 1} }
	both := func(at time.Duration, other, own float32, takes model.Box, s pipeline.State, track int) step {
		return step{at, []model.Box{far, here}, []float32{other, own}, s, takes, track}
	}
	for name, steps := range map[string][]step{
		"score":            {one(0, here, 0.5, 0, pipeline.Locked, 1)},
		"score, below":     {one(0, here, 0.499, 0, pipeline.Unsure, 1)},
		"margin":           {one(0, here, 0.75, 0.5, pipeline.Locked, 1)},
		"margin, below":    {one(0, here, 0.75, 0.501, pipeline.Unsure, 1)},
		"kept by ratio":    {one(0, here, 1, 0, pipeline.Locked, 1), one(300*ms, here, 0.25, 0, pipeline.Locked, 1)},
		"kept by margin":   {one(0, here, 1, 0, pipeline.Locked, 1), one(300*ms, here, 0.5, 0.375, pipeline.Locked, 1)},
		"kept for":         {one(0, here, 1, 0, pipeline.Locked, 1), one(199*ms, here, 0.2, 0, pipeline.Locked, 1)},
		"and no longer":    {one(0, here, 1, 0, pipeline.Locked, 1), one(200*ms, here, 0.2, 0, pipeline.Unsure, 1)},
		"lost for":         {one(0, here, 1, 0, pipeline.Locked, 1), none(999*ms, pipeline.Lost)},
		"then absent":      {one(0, here, 1, 0, pipeline.Locked, 1), none(1000*ms, pipeline.Absent)},
		"the same":         {one(0, here, 1, 0, pipeline.Locked, 1), one(100*ms, near, 1, 0, pipeline.Locked, 1)},
		"stays by IoU":     {one(0, near, 1, 0, pipeline.Locked, 1), both(100*ms, 0.55, 0.5, here, pipeline.Locked, 1)},
		"by far":           {one(0, here, 1, 0, pipeline.Locked, 1), both(100*ms, 0.75, 0.5, far, pipeline.Locked, 2)},
		"not by far":       {one(0, here, 1, 0, pipeline.Locked, 1), both(100*ms, 0.749, 0.5, here, pipeline.Locked, 1)},
		"for long":         {one(0, here, 1, 0, pipeline.Locked, 1), both(100*ms, 0.6, 0.5, here, pipeline.Locked, 1), both(600*ms, 0.6, 0.5, far, pipeline.Unsure, 2)},
		"not yet for long": {one(0, here, 1, 0, pipeline.Locked, 1), both(100*ms, 0.6, 0.5, here, pipeline.Locked, 1), both(599*ms, 0.6, 0.5, here, pipeline.Unsure, 1)},
	} {
		var l lock
		for i, s := range steps {
			a := model.Answer{Phrase: "p", Present: s.boxes != nil, Boxes: s.boxes, Scores: s.scores}
			l.update(&a, s.at, 0, atLimits, false)
			if v := l.view; v.State != s.state || v.Box != s.box || v.Track != s.track {
				t.Errorf("%s, step %d: %v at %v, track %d; want %v at %v, track %d", name, i, v.State, v.Box, v.Track, s.state, s.box, s.track)
			}
		}
	}
}

// A rival that is another one each time is not better for long.
func TestRivalMustBeTheSame(t *testing.T) {
	here := model.Box{X2: 20, Y2: 10}
	rivals := []model.Box{{X1: 100, X2: 120, Y2: 10}, {X1: 200, X2: 220, Y2: 10}}
	var l lock
	l.update(&model.Answer{Phrase: "p", Present: true, Boxes: []model.Box{here}, Scores: []float32{1}}, 0, 0, atLimits, false)
	for i := 1; i < 20; i++ {
		a := model.Answer{Phrase: "p", Present: true, Boxes: []model.Box{rivals[i%2], here}, Scores: []float32{0.6, 0.5}}
		if l.update(&a, time.Duration(i)*100*ms, 0, atLimits, false); l.view.Box != here {
			t.Fatalf("answer %d takes %v", i, l.view.Box)
		}
	}
}

func TestStaleAtItsLimit(t *testing.T) {
	start := time.Now()
	for name, tt := range map[string]struct {
		took, age time.Duration
		want      pipeline.State
	}{
		"just not stale":     {0, 2 * time.Second, pipeline.Locked},
		"just stale":         {0, 2*time.Second + 1, pipeline.Lost},
		"four times its own": {time.Second, 4 * time.Second, pipeline.Locked},
		"and no more":        {time.Second, 4*time.Second + 1, pipeline.Lost},
	} {
		var l lock
		a := model.Answer{Phrase: "p", At: start, Present: true, Boxes: []model.Box{{X2: 9, Y2: 9}}, Scores: []float32{1}}
		l.update(&a, 0, tt.took, atLimits, false)
		if v := l.shown(start.Add(tt.age), atLimits); v.State != tt.want {
			t.Errorf("%s: %v, want %v", name, v.State, tt.want)
		}
	}
}

func TestValidateAtItsLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		r    Rules
		good bool
	}{
		"all nought":   {Rules{}, true},
		"all one":      {Rules{Score: 1, Margin: 1, KeepRatio: 1, Same: 1, Jump: 1}, true},
		"above one":    {Rules{Jump: 1.001}, false},
		"below nought": {Rules{Same: -0.001}, false},
		"a time below": {Rules{JumpAfter: -1}, false},
	} {
		if err := tt.r.Validate(); (err == nil) != tt.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is rejected is remembered while it is seen, at most LostFor after that.
func TestRejectedIsForgotten(t *testing.T) {
	wrong, other := model.Box{X2: 10, Y2: 10}, model.Box{X1: 100, X2: 110, Y2: 10}
	for name, tt := range map[string]struct {
		back  time.Duration // from the last answer that had it to the next
		known bool
	}{"still known": {999 * ms, true}, "forgotten": {1000 * ms, false}} {
		var l lock
		see := func(at time.Duration, box model.Box) {
			l.update(&model.Answer{Phrase: "p", Present: true, Boxes: []model.Box{box}, Scores: []float32{0.9}}, at, 0, atLimits, false)
		}
		see(0, wrong)
		l.reject()
		if see(tt.back, other); l.view.Box != other {
			t.Fatalf("%s: %v is shown, want the other one", name, l.view.Box)
		}
		if known := len(l.rejects) == 1; known != tt.known {
			t.Errorf("%s: %d things are rejected", name, len(l.rejects))
		}
	}
}

func TestHistory(t *testing.T) {
	var h history
	box := func(i int) model.Box { return model.Box{X2: float32(i), Y2: 1} }
	if _, ok := h.at(5); ok {
		t.Error("something before anything was shown")
	}
	for i := 1; i <= 100; i++ {
		h.add(uint64(2*i), box(i))
	}
	for name, tt := range map[string]struct {
		seq  uint64
		want int // 0: none
	}{
		"the newest": {200, 100}, "after it": {999, 100}, "an older": {150, 75}, "shown next before it": {151, 75},
		"the oldest known": {2 * (100 - remembered + 1), 100 - remembered + 1}, "forgotten": {2*(100-remembered+1) - 1, 0},
	} {
		got, ok := h.at(tt.seq)
		if ok != (tt.want > 0) || ok && got != box(tt.want) {
			t.Errorf("%s: %v, %v; want number %d", name, got, ok, tt.want)
		}
	}
}
