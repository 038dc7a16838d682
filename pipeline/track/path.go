package track

import (
	"math"
	"slices"
	"time"

	"deixis/model"
)

// Hidden is the choice of no box.
const Hidden = -1

// PathRules weigh what makes a path through the answers of a whole recording likely.
// Costs are negative logarithms of probabilities: 1 is a factor of 2.7.
type PathRules struct {
	Hide     float64       // of a thing that hides, or comes back
	Change   float64       // of another target from one answer to the next
	Move     float64       // of a box that overlaps the one before in nothing; less in proportion to their IoU
	Same     float32       // IoU with the box before, at least, to be the same target
	Evidence time.Duration // answers closer together than this tell less than a whole answer
	LostFor  time.Duration // how long a thing may be hidden, and still be the same when it comes back near
}

// DefaultPathRules are where rendered scenes are tracked best (`bench tracks`).
var DefaultPathRules = PathRules{Hide: 3, Change: 3, Move: 0.5, Same: 0.1, Evidence: 100 * time.Millisecond, LostFor: 2 * time.Second}

// A Sighting is what was answered about one phrase on one frame.
type Sighting struct {
	PTS      time.Duration
	Presence float32     // probability that the thing is there; 0.5 where an answer is undecided
	Boxes    []model.Box // as in model.Answer; none where it is answered absent
	Scores   []float32
}

// leastShare is the least probability that is believed: no single answer outweighs
// all others.
const leastShare = 0.02

func cost(p float32) float64 { return -math.Log(max(leastShare, min(1, float64(p)))) }

// cost is that of choosing box k, or of choosing none where k is not one of them.
// Whether the thing is there is one question, and which box it is another: the best
// box has the whole probability of presence, so that two that fit do not make "not
// there" the likeliest.
func (s *Sighting) cost(k, most int) float64 {
	if k == most {
		return cost(1 - s.Presence)
	}
	if k >= len(s.Boxes) {
		return math.Inf(1)
	}
	best := slices.Max(s.Scores[:len(s.Boxes)])
	return cost(s.Presence) + cost(s.Scores[k]/max(best, 1e-6))
}

// Path is the likeliest way through n sightings: for each the number of its box, or
// Hidden. It is found by dynamic programming (Viterbi): among all ways it has the
// least sum of what each box, each move and each change costs. No sighting has more
// than most boxes.
func (r PathRules) Path(n, most int, at func(i int) Sighting) []int8 {
	wide := most + 1 // the last is Hidden
	back := make([]int8, n*wide)
	before, now := make([]float64, wide), make([]float64, wide)
	var last Sighting
	for i := range n {
		s := at(i)
		weight := 1.0
		if i > 0 && r.Evidence > 0 {
			weight = min(1, max(0, float64(s.PTS-last.PTS)/float64(r.Evidence)))
		}
		for to := range wide {
			own := s.cost(to, most)
			if !math.IsInf(own, 1) {
				own *= weight
			}
			least, from := math.Inf(1), int8(most)
			for k := range wide {
				if i == 0 {
					least, from = 0, int8(k)
					break
				}
				if c := before[k] + r.step(&last, &s, k, to, most); c < least {
					least, from = c, int8(k)
				}
			}
			now[to], back[i*wide+to] = own+least, from
		}
		before, now, last = now, before, s
	}
	path := make([]int8, n)
	best := int8(most)
	for k, c := range before {
		if c < before[best] {
			best = int8(k)
		}
	}
	for i := n - 1; i >= 0; i-- {
		path[i] = best
		if int(best) == most {
			path[i] = Hidden
		}
		best = back[i*wide+int(best)]
	}
	return path
}

// step is what it costs to go from one choice to the next.
func (r PathRules) step(a, b *Sighting, from, to, most int) float64 {
	switch {
	case from == most && to == most:
		return 0
	case from == most || to == most:
		return r.Hide
	case from >= len(a.Boxes) || to >= len(b.Boxes):
		return math.Inf(1)
	}
	iou := a.Boxes[from].IoU(b.Boxes[to])
	if iou < r.Same {
		return r.Change
	}
	return r.Move * float64(1-iou)
}

// Follows says whether box b, shown after a was, is the same target: it overlaps, or
// after a while in which it was hidden it lies within a's size of it.
func (r PathRules) Follows(a, b model.Box, hidden time.Duration) bool {
	if a.IoU(b) >= r.Same {
		return true
	}
	if hidden <= 0 || hidden > r.LostFor {
		return false
	}
	w, h := a.X2-a.X1, a.Y2-a.Y1
	wide := model.Box{X1: a.X1 - w, Y1: a.Y1 - h, X2: a.X2 + w, Y2: a.Y2 + h}
	return wide.IoU(b) > 0
}
