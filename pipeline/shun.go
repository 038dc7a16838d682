package pipeline

import (
	"time"

	"deixis/model"
)

// A shunned thing was shown and is not the one meant.
type shunned struct {
	box  model.Box     // where the newest answer that had it has it
	seen time.Duration // PTS of that answer
}

// leastLeft keeps the doubt that is left from being divided by nothing.
const leastLeft = 0.05

// turnAway takes what is shown now for a wrong one: the next best is shown from
// the next answer on. It says whether anything was shown.
func (l *lock) turnAway() bool {
	if !l.view.HasBox() {
		return false
	}
	l.shuns = append(l.shuns, shunned{l.view.Box, l.seen})
	l.view.State, l.view.Box, l.rival = Searching, model.Box{}, rival{}
	l.turned = true
	return true
}

// but is a without the boxes of what is shunned. The scores of the others grow
// by what theirs took: they are probabilities, given that it is none of those.
// When all that is there is shunned, all may be shown again but the last.
func (l *lock) but(a *model.Answer, pts time.Duration, r Rules) *model.Answer {
	if len(l.shuns) == 0 || !a.Present {
		return a
	}
	out := l.recognise(a, pts, r)
	if len(out) >= len(a.Boxes) && len(l.shuns) > 1 {
		l.shuns = l.shuns[len(l.shuns)-1:]
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

// recognise says by number which boxes of a are shunned things, at most one
// each, and forgets those that have not been seen for long.
func (l *lock) recognise(a *model.Answer, pts time.Duration, r Rules) map[int]bool {
	out := map[int]bool{}
	var still []shunned
	for _, s := range l.shuns {
		best, near := -1, r.Same
		for i, b := range a.Boxes {
			if iou := s.box.IoU(b); iou >= near && !out[i] {
				best, near = i, iou
			}
		}
		if best >= 0 {
			out[best] = true
			s = shunned{a.Boxes[best], pts}
		}
		if pts-s.seen < r.LostFor {
			still = append(still, s)
		}
	}
	l.shuns = still
	return out
}

// Other takes what is shown of each phrase for a wrong one: the next best is
// shown instead, and after the last the first again. It says whether anything
// was shown. Any goroutine may call it.
func (l *Live) Other() bool {
	t := &l.targets
	t.mu.Lock()
	defer t.mu.Unlock()
	any := false
	for _, lock := range t.locks {
		any = lock.turnAway() || any
	}
	return any
}

// Hold keeps every lock on its target, or lets go: while held nothing else is
// taken for it, however well it fits. Any goroutine may call it.
func (l *Live) Hold(on bool) {
	t := &l.targets
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fixed = on
	for _, lock := range t.locks {
		lock.fixed = on
	}
}
