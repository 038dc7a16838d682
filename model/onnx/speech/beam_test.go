package speech

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

const (
	toyEnd  = 2
	toySize = 5
)

// toy gives the logits after some tokens; the same ones each time.
func toy(seed uint64, tokens []int64) []float32 {
	h := seed
	for _, t := range tokens {
		h = h*1099511628211 + uint64(t) + 1
	}
	r := rand.New(rand.NewPCG(h, 7))
	row := make([]float32, toySize)
	for i := range row {
		row[i] = float32(2 * r.NormFloat64())
	}
	return row
}

// every lists all readings of up to most tokens that end.
func every(seed uint64, b beam, most int) []beam {
	var all []beam
	row := toy(seed, b.tokens)
	for t := range int64(toySize) {
		next := beam{tokens: append(slices.Clone(b.tokens), t), sum: b.sum + float64(row[t]) - logSum(row)}
		switch {
		case t == toyEnd && len(b.tokens) > 0:
			all = append(all, next)
		case t != toyEnd && len(next.tokens) < most:
			all = append(all, every(seed, next, most)...)
		}
	}
	return all
}

func searched(seed uint64, width, most int) []beam {
	s := newSearch(width, toyEnd, exactly)
	for range most {
		var logits []float32
		for _, b := range s.live {
			logits = append(logits, toy(seed, b.tokens)...)
		}
		if !s.step(logits, toySize) {
			break
		}
	}
	return s.best()
}

// A search as wide as all that there is finds the likeliest readings there are.
func TestSearchFindsTheBest(t *testing.T) {
	const most = 4
	for seed := range uint64(20) {
		all := every(seed, beam{}, most)
		slices.SortFunc(all, func(a, b beam) int { return cmp.Compare(b.mean(), a.mean()) })
		got := searched(seed, 400, most)
		if !slices.Equal(got[0].tokens, all[0].tokens) || !(math.Abs(got[0].mean()-all[0].mean()) <= 1e-6) {
			t.Errorf("seed %d: found %v %.3f, the best is %v %.3f", seed, got[0].tokens, got[0].mean(), all[0].tokens, all[0].mean())
		}
	}
}

func TestSearch(t *testing.T) {
	for seed := range uint64(50) {
		for _, width := range []int{1, 2, 4} {
			got := searched(seed, width, 6)
			if len(got) == 0 || len(got) > width {
				t.Fatalf("%d readings of %d", len(got), width)
			}
			for i, b := range got {
				if b.tokens[0] == toyEnd {
					t.Errorf("seed %d: a reading says nothing: %v", seed, b.tokens)
				}
				if i > 0 && b.mean() > got[i-1].mean() {
					t.Errorf("seed %d: %v before %v", seed, got[i-1].mean(), b.mean())
				}
			}
		}
	}
}

// One that never ends is given as far as it came.
func TestSearchWithoutEnd(t *testing.T) {
	s := newSearch(2, toyEnd, exactly)
	for range 3 {
		row := []float32{0, 5, -1e9, 1, 0}
		if !s.step(slices.Repeat(row, len(s.live)), toySize) {
			t.Fatal("ended")
		}
	}
	if best := s.best(); len(best) != 2 || !slices.Equal(best[0].tokens, []int64{1, 1, 1}) {
		t.Errorf("best %v", best)
	}
}

func TestTop(t *testing.T) {
	row := []float32{3, 1, 4, 1, 5, 9, 2, 6}
	for n, want := range map[int][]int64{1: {5}, 3: {5, 7, 4}, 100: {5, 7, 4, 2, 0, 6, 1, 3}} {
		if got := top(row, n); !slices.Equal(got, want) {
			t.Errorf("top(%d) = %v, want %v", n, got, want)
		}
	}
}

// exactly is the key of tokens that all matter.
func exactly(tokens []int64) string { return fmt.Sprint(tokens) }

// Readings that differ in what does not matter are given once, as the likeliest
// of them, and leave room for others.
func TestSearchGivesEachGistOnce(t *testing.T) {
	const comma = 4
	key := func(tokens []int64) string {
		return exactly(slices.DeleteFunc(slices.Clone(tokens), func(t int64) bool { return t == comma || t == toyEnd }))
	}
	for seed := range uint64(50) {
		s := newSearch(3, toyEnd, key)
		for range 6 {
			var logits []float32
			for _, b := range s.live {
				logits = append(logits, toy(seed, b.tokens)...)
			}
			if !s.step(logits, toySize) {
				break
			}
		}
		seen := map[string]bool{}
		for _, b := range s.best() {
			if seen[key(b.tokens)] {
				t.Errorf("seed %d: %v is given twice", seed, b.tokens)
			}
			seen[key(b.tokens)] = true
		}
	}
}
