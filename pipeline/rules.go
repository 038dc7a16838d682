package pipeline

import (
	"errors"
	"fmt"
	"time"

	"deixis/model"
)

// Rules say when an answer counts as a lock. The zero value takes DefaultRules.
type Rules struct {
	Score     float32       // of the best box, at least, to be Locked; 0..1
	Margin    float32       // to the runner-up, at least, to be Locked; 0..1
	Hold      float32       // share of Score and Margin that keeps a lock once it is there; 0..1
	HoldFor   time.Duration // how long a lock outlasts answers that are not sure, or miss it, by PTS
	LostFor   time.Duration // how long something unseen is Lost before it is Absent, by PTS
	Same      float32       // IoU with where it was, at least, to be the same target; 0..1
	Jump      float32       // how much better another thing must score to take the lock at once; 0..1
	JumpAfter time.Duration // or how long it must score better at all, by PTS
	Stale     time.Duration // how old an answer may grow before its box is hidden
}

// DefaultRules suit calibrated scores. Each is where the share of frames shown
// right on the scenes of scene.Telling is best, or as good with fewer changes of
// state: 0.95 of frames and 4 changes in 8 s, where answers taken as they are
// have 0.90 and 17.
var DefaultRules = Rules{
	Score: 0.5, Margin: 0.1, Hold: 0.7, HoldFor: 200 * time.Millisecond, LostFor: time.Second,
	Same: 0.1, Jump: 0.35, JumpAfter: 500 * time.Millisecond, Stale: 2 * time.Second,
}

// AsItComes takes every answer as it is, with nothing of a lock but the states.
var AsItComes = Rules{Score: DefaultRules.Score, Margin: DefaultRules.Margin, Hold: 1, LostFor: DefaultRules.LostFor, Stale: DefaultRules.Stale}

// Validate names every rule that cannot be.
func (r Rules) Validate() error {
	var errs []error
	for name, v := range map[string]float32{"score": r.Score, "margin": r.Margin, "hold": r.Hold, "same": r.Same, "jump": r.Jump} {
		if !(v >= 0 && v <= 1) {
			errs = append(errs, fmt.Errorf("lock %s %v: not from 0 to 1", name, v))
		}
	}
	for name, d := range map[string]time.Duration{"hold-for": r.HoldFor, "lost-for": r.LostFor, "jump-after": r.JumpAfter, "stale": r.Stale} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("lock %s %v: below 0", name, d))
		}
	}
	return errors.Join(errs...)
}

// A path is where a target was shown on the newest frames.
type path struct {
	steps [remembered]step
	n     int // how many were added in all
}

type step struct {
	seq uint64
	box model.Box
}

func (p *path) add(seq uint64, box model.Box) {
	p.steps[p.n%remembered] = step{seq, box}
	p.n++
}

// at is the place on frame seq, or on the frame shown next before it.
func (p *path) at(seq uint64) (model.Box, bool) {
	for i := p.n - 1; i >= max(0, p.n-remembered); i-- {
		if s := p.steps[i%remembered]; s.seq <= seq {
			return s.box, true
		}
	}
	return model.Box{}, false
}
