package track

import (
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// A rejected thing was shown and is not the one meant.
type rejected struct {
	box  model.Box     // where the newest answer that had it has it
	seen time.Duration // PTS of that answer
}

// leastLeft keeps the doubt that is left from being divided by nothing.
const leastLeft = 0.05

// reject takes what is shown now for a wrong one: the next best is shown from
// the next answer on. It says whether anything was shown.
func (l *lock) reject() bool {
	if !l.view.HasBox() {
		return false
	}
	l.rejects = append(l.rejects, rejected{l.view.Box, l.seen})
	l.view.State, l.view.Box, l.rival = pipeline.Searching, model.Box{}, rival{}
	l.switched = true
	return true
}

// withoutRejected is a without the boxes of what was rejected. The scores of the
// others are renormalised: they are probabilities, given that it is none of those.
// When all that is there was rejected, all may be shown again but the last.
func (l *lock) withoutRejected(a *model.Answer, pts time.Duration, r Rules) *model.Answer {
	if len(l.rejects) == 0 || !a.Present {
		return a
	}
	out := l.recognise(a, pts, r)
	if len(out) >= len(a.Boxes) && len(l.rejects) > 1 {
		l.rejects = l.rejects[len(l.rejects)-1:]
		out = l.recognise(a, pts, r)
	}
	rest := *a
	rest.Boxes, rest.Scores = nil, nil
	left := float32(1)
	for i, b := range a.Boxes {
		if i >= len(a.Scores) {
			break
		}
		if out[i] {
			left -= a.Scores[i]
			continue
		}
		rest.Boxes, rest.Scores = append(rest.Boxes, b), append(rest.Scores, a.Scores[i])
	}
	for i := range rest.Scores {
		rest.Scores[i] = min(1, rest.Scores[i]/max(leastLeft, left))
	}
	return &rest
}

// recognise says by number which boxes of a are rejected things, at most one
// each, and forgets those that have not been seen for long.
func (l *lock) recognise(a *model.Answer, pts time.Duration, r Rules) map[int]bool {
	out := map[int]bool{}
	var stay []rejected
	for _, s := range l.rejects {
		best, near := -1, r.Same
		for i, b := range a.Boxes {
			if iou := s.box.IoU(b); iou >= near && !out[i] {
				best, near = i, iou
			}
		}
		if best >= 0 {
			out[best] = true
			s = rejected{a.Boxes[best], pts}
		}
		if pts-s.seen < r.LostFor {
			stay = append(stay, s)
		}
	}
	l.rejects = stay
	return out
}
