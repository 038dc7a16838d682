package robot

import (
	"errors"
	"fmt"
	"math"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// Rules say of what the lock has found what a robot must not act on. The zero
// value refuses nothing.
type Rules struct {
	Zones     []Polygon     // the box's centre must lie in one of them; none allow the whole picture
	Forbidden []Polygon     // the box must touch none of them
	MinSize   float64       // least area of the box, share of the picture's
	MaxSize   float64       // greatest area; 0 for none
	MaxRate   float64       // greatest angular rate, radians a second; 0 for none
	Dwell     time.Duration // how long the same thing must be locked, by capture time, before that is said
	Confirm   bool          // each target is only proposed until somebody confirms it
}

// Validate names every rule that cannot be.
func (r *Rules) Validate() error {
	var errs []error
	for _, s := range []struct {
		name  string
		value float64
		most  float64
	}{{"min-size", r.MinSize, 1}, {"max-size", r.MaxSize, 1}, {"max-rate", r.MaxRate, math.MaxFloat64}} {
		if !(s.value >= 0 && s.value <= s.most) {
			errs = append(errs, fmt.Errorf("%s %v: not from 0 to %v", s.name, s.value, s.most))
		}
	}
	if r.MaxSize > 0 && r.MaxSize < r.MinSize {
		errs = append(errs, fmt.Errorf("max-size %v: below min-size, %v", r.MaxSize, r.MinSize))
	}
	if r.Dwell < 0 {
		errs = append(errs, fmt.Errorf("dwell %v: below 0", r.Dwell))
	}
	return errors.Join(errs...)
}

// place judges a box by itself: its size, where it is and how fast it moves. nil:
// no rule is against it.
func (r *Rules) place(b model.Box, size [2]int, rate *Rate) *Refusal {
	w, h := float64(size[0]), float64(size[1])
	area := float64(b.Area()) / (w * h)
	x1, y1, x2, y2 := float64(b.X1)/w, float64(b.Y1)/h, float64(b.X2)/w, float64(b.Y2)/h
	centre := Point{(x1 + x2) / 2, (y1 + y2) / 2}
	switch {
	case area < r.MinSize:
		return &Refusal{RuleMinSize, fmt.Sprintf("it fills %.4f of the picture, at least %v is asked", area, r.MinSize)}
	case r.MaxSize > 0 && area > r.MaxSize:
		return &Refusal{RuleMaxSize, fmt.Sprintf("it fills %.4f of the picture, at most %v is allowed", area, r.MaxSize)}
	case len(r.Zones) > 0 && !anyOf(r.Zones, func(p Polygon) bool { return p.Has(centre) }):
		return &Refusal{RuleZone, fmt.Sprintf("its centre %.3f,%.3f lies outside of every zone", centre.X, centre.Y)}
	}
	for i, p := range r.Forbidden {
		if p.Touches(x1, y1, x2, y2) {
			return &Refusal{RuleForbidden, fmt.Sprintf("it touches forbidden zone %d", i+1)}
		}
	}
	if r.MaxRate > 0 && rate != nil {
		if turn := math.Hypot(rate.Azimuth, rate.Elevation); turn > r.MaxRate {
			return &Refusal{RuleMaxRate, fmt.Sprintf("it moves by %.2f rad/s, at most %.2f is allowed", turn, r.MaxRate)}
		}
	}
	return nil
}

func anyOf(ps []Polygon, is func(Polygon) bool) bool {
	for _, p := range ps {
		if is(p) {
			return true
		}
	}
	return false
}

// A guard holds the rules against one sighting after the other.
type guard struct {
	Rules
	track     int       // of the target that passes now; 0 for none
	since     time.Time // when the first picture of it was taken
	confirmed int       // track that was confirmed; 0 for none
}

// judge is the state of s and the rule that is against it, if any. It may be asked
// again about the same sighting.
func (g *guard) judge(s *sighting) (pipeline.State, *Refusal) {
	v := &s.view
	if !v.HasBox() {
		g.track = 0
		return v.State, nil
	}
	if no := g.place(v.Box, s.size, s.rate); no != nil {
		g.track = 0
		return pipeline.Unsure, no
	}
	if v.State != pipeline.Locked {
		g.track = 0
		return v.State, nil
	}
	if g.track != v.Track {
		g.track, g.since = v.Track, s.captured
	}
	if been := s.captured.Sub(g.since); been < g.Dwell {
		return pipeline.Unsure, &Refusal{RuleDwell, fmt.Sprintf("it has been there for %d ms, %d are asked", been.Milliseconds(), g.Dwell.Milliseconds())}
	}
	if g.Confirm && g.confirmed != v.Track {
		return pipeline.Unsure, &Refusal{RuleConfirm, fmt.Sprintf("target %d is proposed and not yet confirmed", v.Track)}
	}
	return pipeline.Locked, nil
}

// forget begins anew, for another phrase.
func (g *guard) forget() { g.track, g.confirmed = 0, 0 }
