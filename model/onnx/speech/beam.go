package speech

import (
	"cmp"
	"math"
	"slices"
)

// A beam is one reading so far.
type beam struct {
	tokens []int64 // without the start
	sum    float64 // of the logarithms of their probabilities
	parent int     // which of the beams before it goes on
}

// mean is the score that readings of different lengths are compared by.
func (b beam) mean() float64 { return b.sum / float64(max(1, len(b.tokens))) }

// A search looks for the likeliest readings, a few at a time. Of readings that
// differ in signs and capitals only it follows one, so that the others can be
// told by ear.
type search struct {
	width int
	end   int64                       // token
	key   func(tokens []int64) string // what is left of a reading without those

	live []beam // the likeliest that have not ended, best first
	done []beam // those that have, best first, width at most
}

func newSearch(width int, end int64, key func([]int64) string) *search {
	return &search{width: width, end: end, key: key, live: []beam{{}}}
}

// step takes what the graph says of the token after each live beam: a row of
// logits for each, in their order. It says whether to go on. There is no end
// before the first token.
func (s *search) step(logits []float32, vocabulary int) bool {
	first := len(s.live[0].tokens) == 0
	var next []beam
	for i, b := range s.live {
		row := logits[i*vocabulary : (i+1)*vocabulary]
		norm := logSum(row)
		for _, t := range top(row, 2*s.width) {
			if first && t == s.end {
				continue
			}
			next = append(next, beam{tokens: append(slices.Clone(b.tokens), t), sum: b.sum + float64(row[t]) - norm, parent: i})
		}
	}
	slices.SortStableFunc(next, func(a, b beam) int { return cmp.Compare(b.sum, a.sum) })
	s.live = s.live[:0:0]
	followed := map[string]bool{}
	for rank, b := range next {
		switch {
		case len(s.live) == s.width:
		case b.tokens[len(b.tokens)-1] == s.end:
			if rank < 2*s.width {
				s.finish(b)
			}
		case !followed[s.key(b.tokens)]:
			followed[s.key(b.tokens)] = true
			s.live = append(s.live, b)
		}
	}
	return len(s.live) > 0 && !s.finished()
}

// finish keeps a reading that has ended, if it is one of the best.
func (s *search) finish(b beam) {
	key := s.key(b.tokens)
	alike := slices.IndexFunc(s.done, func(d beam) bool { return s.key(d.tokens) == key })
	switch {
	case alike < 0:
		s.done = append(s.done, b)
	case b.mean() > s.done[alike].mean():
		s.done[alike] = b
	}
	slices.SortStableFunc(s.done, func(a, b beam) int { return cmp.Compare(b.mean(), a.mean()) })
	s.done = s.done[:min(len(s.done), s.width)]
}

// maxGap is how far behind the best reading, in the mean logarithm of a
// token's probability, others are not waited for.
const maxGap = 1

// finished says that no live beam will come before those that have ended, or
// near the best of them.
func (s *search) finished() bool {
	if len(s.done) == 0 {
		return false
	}
	best := s.live[0].mean()
	return len(s.done) == s.width && best <= s.done[len(s.done)-1].mean() || best < s.done[0].mean()-maxGap
}

// best are the readings, likeliest first; where none had time to end, as far as
// they came.
func (s *search) best() []beam {
	if len(s.done) == 0 {
		return s.live
	}
	return s.done
}

// top are the n likeliest tokens of a row, likeliest first.
func top(row []float32, n int) []int64 {
	n = min(n, len(row))
	best := make([]int64, 0, n+1)
	for t, x := range row {
		if len(best) == n && x <= row[best[n-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, x, func(t int64, x float32) int {
			if row[t] >= x {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, int64(t))
		best = best[:min(len(best), n)]
	}
	return best
}

// negligible is how far below the likeliest a token adds nothing to the sum: all
// of a vocabulary together less than one in ten thousand.
const negligible = -20

// logSum is the logarithm of the sum of the exponentials.
func logSum(row []float32) float64 {
	most := slices.Max(row)
	var sum float64
	for _, x := range row {
		if d := x - most; d > negligible {
			sum += math.Exp(float64(d))
		}
	}
	return float64(most) + math.Log(sum)
}
