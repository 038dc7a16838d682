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

	Certain bool // somebody looked: the thing is in the first box, or hidden where there is none
	Stay    bool // since the sighting before the target did not change, as somebody saw
}

// leastShare is the least probability that is believed: no single answer outweighs
// all others.
const leastShare = 0.02

// staying is how much dearer it is to change the target where somebody saw that it stays.
const staying = 10

func cost(p float32) float64 { return -math.Log(max(leastShare, min(1, float64(p)))) }

// cost is that of choosing box k, or of choosing none where k is not one of them.
// Whether the thing is there is one question, and which box it is another: the best
// box has the whole probability of presence, so that two that fit do not make "not
// there" the likeliest.
func (s *Sighting) cost(k, most int) float64 {
	if s.Certain {
		if k == 0 && len(s.Boxes) > 0 || k == most && len(s.Boxes) == 0 {
			return 0
		}
		return math.Inf(1)
	}
	if k == most {
		return cost(1 - s.Presence)
	}
	if k >= len(s.Boxes) {
		return math.Inf(1)
	}
	best := slices.Max(s.Scores[:len(s.Boxes)])
	return cost(s.Presence) + cost(s.Scores[k]/max(best, 1e-6))
}

// A PathFinder finds the likeliest way through sightings that come one by one, by
// dynamic programming (Viterbi): among all ways it has the least sum of what each box,
// each move and each change costs. It keeps a byte a choice of each sighting, and
// nothing else of those that are past.
type PathFinder struct {
	rules       PathRules
	most        int    // boxes of a sighting; the choice after them is Hidden
	back        []int8 // of each choice of each sighting, the choice before
	before, now []float64
	last        Sighting // its Boxes are the finder's own
	n           int
}

// Finder makes one for sightings of at most most boxes.
func (r PathRules) Finder(most int) *PathFinder {
	return &PathFinder{rules: r, most: most, before: make([]float64, most+1), now: make([]float64, most+1)}
}

// Add takes the next sighting. It keeps nothing that s points to.
func (p *PathFinder) Add(s Sighting) {
	weight := 1.0
	if p.n > 0 && p.rules.Evidence > 0 {
		weight = min(1, max(0, float64(s.PTS-p.last.PTS)/float64(p.rules.Evidence)))
	}
	for to := range p.now {
		own := s.cost(to, p.most)
		if !math.IsInf(own, 1) {
			own *= weight
		}
		least, from := math.Inf(1), int8(p.most)
		for k := range p.before {
			if p.n == 0 {
				least, from = 0, int8(k)
				break
			}
			if c := p.before[k] + p.rules.step(&p.last, &s, k, to, p.most); c < least {
				least, from = c, int8(k)
			}
		}
		p.now[to] = own + least
		p.back = append(p.back, from)
	}
	boxes := append(p.last.Boxes[:0], s.Boxes...)
	p.before, p.now, p.last = p.now, p.before, s
	p.last.Boxes, p.last.Scores = boxes, nil
	p.n++
}

// Path is the way through all sightings so far: for each the number of its box, or
// Hidden.
func (p *PathFinder) Path() []int8 {
	path := make([]int8, p.n)
	best := int8(p.most)
	for k, c := range p.before {
		if c < p.before[best] {
			best = int8(k)
		}
	}
	for i := p.n - 1; i >= 0; i-- {
		path[i] = best
		if int(best) == p.most {
			path[i] = Hidden
		}
		best = p.back[i*(p.most+1)+int(best)]
	}
	return path
}

// step is what it costs to go from one choice to the next.
func (r PathRules) step(a, b *Sighting, from, to, most int) float64 {
	if b.Stay {
		r.Hide, r.Change = staying*r.Hide, staying*r.Change
	}
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
