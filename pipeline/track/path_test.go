package track

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"deixis/model"
)

// sighting at n tenths of a second, of boxes of side 40 at x.
func sighting(n int, presence float32, xAndScore ...float32) Sighting {
	s := Sighting{PTS: time.Duration(n) * 100 * time.Millisecond, Presence: presence}
	for i := 0; i < len(xAndScore); i += 2 {
		x := xAndScore[i]
		s.Boxes = append(s.Boxes, model.Box{X1: x, Y1: 0, X2: x + 40, Y2: 40})
		s.Scores = append(s.Scores, xAndScore[i+1])
	}
	return s
}

func pathOf(r PathRules, most int, ss []Sighting) []int8 {
	f := r.Finder(most)
	for _, s := range ss {
		f.Add(s)
	}
	return f.Path()
}

func path(ss []Sighting) []int8 {
	return pathOf(DefaultPathRules, 3, ss)
}

func TestPath(t *testing.T) {
	at := func(n int) float32 { return float32(2 * n) } // where the thing is
	for name, tt := range map[string]struct {
		answer func(n int) Sighting
		want   func(n int) int8
	}{
		"sure":                  {func(n int) Sighting { return sighting(n, 0.9, at(n), 0.8) }, func(int) int8 { return 0 }},
		"absent":                {func(n int) Sighting { return sighting(n, 0.1, at(n), 0.05) }, func(int) int8 { return Hidden }},
		"one answer without it": {func(n int) Sighting { return sighting(n, []float32{0.9, 0.2}[b2i(n == 10)], at(n), 0.6) }, func(int) int8 { return 0 }},
		"one answer elsewhere": {func(n int) Sighting {
			if n == 10 {
				return sighting(n, 0.9, 500, 0.6, at(n), 0.3)
			}
			return sighting(n, 0.9, at(n), 0.7, 500, 0.2)
		}, func(n int) int8 { return int8(b2i(n == 10)) }},
		"another from then on": {func(n int) Sighting {
			if n >= 10 {
				return sighting(n, 0.9, 500, 0.8, at(n), 0.1)
			}
			return sighting(n, 0.9, at(n), 0.8, 500, 0.1)
		}, func(int) int8 { return 0 }},
		"better only at first": {func(n int) Sighting { // the causal lock would begin with the wrong one
			if n < 3 {
				return sighting(n, 0.9, 500, 0.5, at(n), 0.4)
			}
			return sighting(n, 0.9, at(n), 0.8, 500, 0.1)
		}, func(n int) int8 { return int8(b2i(n < 3)) }},
		"hidden for a second": {func(n int) Sighting {
			if n >= 8 && n < 18 {
				return sighting(n, 0.05, 500, 0.05)
			}
			return sighting(n, 0.95, at(n), 0.8)
		}, func(n int) int8 { return []int8{0, Hidden}[b2i(n >= 8 && n < 18)] }},
	} {
		var ss []Sighting
		var want []int8
		for n := range 30 {
			ss, want = append(ss, tt.answer(n)), append(want, tt.want(n))
		}
		if got := path(ss); !slices.Equal(got, want) {
			t.Errorf("%s: %d\nwant %d", name, got, want)
		}
	}
	if got := path(nil); len(got) != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestPathIsTheCheapest compares with every path there is.
func TestPathIsTheCheapest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	r := DefaultPathRules
	for range 50 {
		var ss []Sighting
		for n := range 6 {
			var boxes []float32
			for range rng.IntN(3) {
				boxes = append(boxes, 30*float32(rng.IntN(4)), rng.Float32())
			}
			ss = append(ss, sighting(n, rng.Float32(), boxes...))
		}
		price := func(path []int8) float64 {
			var sum float64
			for i, k := range path {
				from, to := 2, int(k)
				if k == Hidden {
					to = 2
				}
				sum += ss[i].cost(to, 2)
				if i > 0 {
					if path[i-1] != Hidden {
						from = int(path[i-1])
					}
					sum += r.step(&ss[i-1], &ss[i], from, to, 2)
				}
			}
			return sum
		}
		best := math.Inf(1)
		var try func(path []int8)
		try = func(path []int8) {
			if len(path) == len(ss) {
				best = min(best, price(path))
				return
			}
			for k := int8(-1); int(k) < len(ss[len(path)].Boxes); k++ {
				try(append(path, k))
			}
		}
		try(nil)
		got := pathOf(r, 2, ss)
		if p := price(got); math.Abs(p-best) > 1e-9 { // sums of the same numbers in the same order
			t.Errorf("path %d costs %v, the cheapest %v", got, p, best)
		}
	}
}

func TestFollows(t *testing.T) {
	a := model.Box{X1: 100, Y1: 100, X2: 140, Y2: 140}
	at := func(x float32) model.Box { return model.Box{X1: x, Y1: 100, X2: x + 40, Y2: 140} }
	for name, tt := range map[string]struct {
		b      model.Box
		hidden time.Duration
		want   bool
	}{
		"overlaps":             {at(110), 0, true},
		"overlaps, much later": {at(110), time.Hour, true},
		"beside, at once":      {at(150), 0, false},
		"beside, soon":         {at(150), time.Second, true},
		"beside, late":         {at(150), 3 * time.Second, false},
		"far, soon":            {at(400), time.Second, false},
	} {
		if got := DefaultPathRules.Follows(a, tt.b, tt.hidden); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
