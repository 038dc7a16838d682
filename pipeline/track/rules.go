package track

import (
	"errors"
	"fmt"
	"time"
)

// Rules say when an answer counts as a lock. The zero value takes DefaultRules.
type Rules struct {
	Score     float32       // of the best box, at least, to be Locked; 0..1
	Margin    float32       // to the runner-up, at least, to be Locked; 0..1
	KeepRatio float32       // share of Score and Margin that keeps a lock once it is there; 0..1
	KeepFor   time.Duration // how long a lock outlasts answers that are not sure, or miss it, by PTS
	LostFor   time.Duration // how long something unseen is Lost before it is Absent, by PTS
	Same      float32       // IoU with where it was, at least, to be the same target; 0..1
	Jump      float32       // how much better another thing must score to take the lock at once; 0..1
	JumpAfter time.Duration // or how long it must score better at all, by PTS
	Stale     time.Duration // how old an answer may grow before its box is hidden
}

// DefaultRules suit calibrated scores. Each is where the share of frames shown
// right on rendered scenes is best (`deixis bench lock`), or as good with fewer changes of
// state: 0.95 of frames and 4 changes in 8 s, where answers taken as they are
// have 0.90 and 17.
var DefaultRules = Rules{
	Score: 0.5, Margin: 0.1, KeepRatio: 0.7, KeepFor: 200 * time.Millisecond, LostFor: time.Second,
	Same: 0.1, Jump: 0.35, JumpAfter: 500 * time.Millisecond, Stale: 2 * time.Second,
}

// NoLock takes every answer as it is, with nothing of a lock but the states.
var NoLock = Rules{Score: DefaultRules.Score, Margin: DefaultRules.Margin, KeepRatio: 1, LostFor: DefaultRules.LostFor, Stale: DefaultRules.Stale}

// Validate names every rule that cannot be.
func (r Rules) Validate() error {
	var errs []error
	for name, v := range map[string]float32{"score": r.Score, "margin": r.Margin, "keep-ratio": r.KeepRatio, "same": r.Same, "jump": r.Jump} {
		if !(v >= 0 && v <= 1) {
			errs = append(errs, fmt.Errorf("lock-%s %v: not from 0 to 1", name, v))
		}
	}
	for name, d := range map[string]time.Duration{"keep-for": r.KeepFor, "lost-for": r.LostFor, "jump-after": r.JumpAfter, "stale": r.Stale} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("lock-%s %v: below 0", name, d))
		}
	}
	return errors.Join(errs...)
}
