package robot

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot/lens"
)

func polygon(t *testing.T, text string) Polygon {
	t.Helper()
	p, err := ParsePolygon(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEachRefusalNamesItsRule(t *testing.T) {
	left := []Polygon{polygon(t, "0,0 0.5,0 0.5,1 0,1")}
	for name, tt := range map[string]struct {
		rules Rules
		view  pipeline.View
		state string
		rule  string
	}{
		"no rules":             {Rules{}, locked(320, 240), "locked", ""},
		"large enough":         {Rules{MinSize: 0.01, MaxSize: 0.01}, locked(320, 240), "locked", ""},
		"too small":            {Rules{MinSize: 0.011}, locked(320, 240), "unsure", RuleMinSize},
		"too large":            {Rules{MaxSize: 0.009}, locked(320, 240), "unsure", RuleMaxSize},
		"in a zone":            {Rules{Zones: left}, locked(310, 240), "locked", ""},
		"outside of all zones": {Rules{Zones: left}, locked(330, 240), "unsure", RuleZone},
		"beside the forbidden": {Rules{Forbidden: left}, locked(360, 240), "locked", ""},
		"at its edge":          {Rules{Forbidden: left}, locked(350, 240), "unsure", RuleForbidden},
		"within it":            {Rules{Forbidden: left}, locked(100, 240), "unsure", RuleForbidden},
		"not yet for long":     {Rules{Dwell: time.Millisecond}, locked(320, 240), "unsure", RuleDwell},
		"not confirmed":        {Rules{Confirm: true}, locked(320, 240), "unsure", RuleConfirm},
		"place before confirm": {Rules{Confirm: true, Zones: left}, locked(330, 240), "unsure", RuleZone},
		"nothing to refuse":    {Rules{Confirm: true, Dwell: time.Second, Zones: left}, pipeline.View{State: pipeline.Absent, Seq: 1}, "absent", ""},
		"the lock itself":      {Rules{Confirm: true}, pipeline.View{State: pipeline.Unsure, Box: model.Box{X1: 1, Y1: 1, X2: 9, Y2: 9}, Seq: 1, Track: 1}, "unsure", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{Rules: tt.rules})
			r.ask("the cup")
			if m := r.show(tt.view); m.State != tt.state || rule(&m) != tt.rule || (m.ValidForMS > 0) != (tt.state == "locked") {
				t.Errorf("%s, refused %+v, valid for %v ms", m.State, m.Refused, m.ValidForMS)
			}
		})
	}
}

func TestDwell(t *testing.T) {
	r := newRig(t, Config{Rules: Rules{Dwell: 300 * time.Millisecond}})
	r.ask("the cup")
	// for is how long a target must be shown again and again until it is locked.
	until := func(track int) (n int) {
		for v := locked(320, 240); ; n++ {
			v.Track = track
			if r.show(v).State == "locked" {
				return n
			}
			r.sleep(100 * time.Millisecond)
		}
	}
	if n := until(1); n != 3 {
		t.Errorf("locked after %d00 ms", n)
	}
	if n := until(2); n != 3 {
		t.Errorf("another target is locked after %d00 ms", n)
	}
	r.show(pipeline.View{State: pipeline.Lost, Track: 2, Seq: 1})
	if n := until(2); n != 3 {
		t.Errorf("a target that was lost is locked after %d00 ms", n)
	}
}

func TestConfirm(t *testing.T) {
	r := newRig(t, Config{Rules: Rules{Confirm: true}})
	confirm := func(track int) error {
		u, err := r.Confirm(r.now, track)
		if err == nil {
			if m := r.took(u); m.State != "locked" || m.ValidForMS == 0 {
				t.Errorf("confirmed: %+v", m)
			}
		}
		return err
	}
	r.ask("the cup")
	if err := confirm(0); !errors.Is(err, ErrNotProposed) {
		t.Errorf("before anything is seen: %v", err)
	}
	if m := r.show(locked(320, 240)); m.Box == nil || m.Track != 1 {
		t.Errorf("the proposal does not say what it is: %+v", m)
	}
	if err := confirm(7); !errors.Is(err, ErrNotProposed) || !strings.Contains(err.Error(), "7") {
		t.Errorf("another target: %v", err)
	}
	if err := confirm(1); err != nil {
		t.Error(err)
	}
	if m := r.show(locked(330, 240)); m.State != "locked" {
		t.Errorf("the same target in the next picture: %+v", m)
	}
	v := locked(100, 240)
	v.Track = 2
	if m := r.show(v); rule(&m) != RuleConfirm {
		t.Errorf("another target: %+v", m)
	}
	r.sleep(time.Second)
	if err := confirm(0); !errors.Is(err, ErrNotProposed) {
		t.Errorf("a target that is too old: %v", err)
	}
	r.show(v)
	if err := confirm(0); err != nil {
		t.Error(err)
	}
	r.ask("the box")
	v.Phrase = "the box"
	if m := r.show(v); rule(&m) != RuleConfirm {
		t.Errorf("another phrase: %+v", m)
	}
	if got := r.kinds(); got != "new:1 update:1 end:1 new:2 update:2 end:2 new:3" {
		t.Errorf("events %s", got)
	}
}

func TestMaxRate(t *testing.T) {
	l, err := lens.FromFOV(90)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Config{Lens: l, Rules: Rules{MaxRate: 1}})
	r.ask("the cup")
	swing := func(by float32) (m Message) { // pixels from picture to picture, around the middle
		for i := range 12 {
			m = r.show(locked(320+by*float32(i-6), 240))
			r.sleep(time.Second / 30)
		}
		return m
	}
	if m := swing(5); m.State != "locked" { // 0.47 rad/s in the middle
		t.Errorf("%+v at %+v", m.Refused, m.Rate)
	}
	if m := swing(20); rule(&m) != RuleMaxRate { // 1.9 rad/s
		t.Errorf("%+v at %+v", m.Refused, m.Rate)
	}
}

func TestPolygons(t *testing.T) {
	bow := polygon(t, "0.2,0.2  0.8,0.2 0.5,0.5 0.8,0.8 0.2,0.8")
	for name, tt := range map[string]struct {
		x1, y1, x2, y2 float64
		has, touches   bool // the middle, and the whole
	}{
		"inside":             {0.25, 0.45, 0.35, 0.55, true, true},
		"in the bay":         {0.7, 0.45, 0.8, 0.55, false, false},
		"over a corner":      {0.1, 0.1, 0.25, 0.25, false, true},
		"across an edge":     {0.1, 0.4, 0.25, 0.45, false, true},
		"around all":         {0, 0, 1, 1, false, true},
		"beside":             {0, 0, 0.1, 1, false, false},
		"thin, right across": {0.05, 0.3, 0.95, 0.31, true, true},
	} {
		if got := bow.Has(Point{(tt.x1 + tt.x2) / 2, (tt.y1 + tt.y2) / 2}); got != tt.has {
			t.Errorf("%s: has %v", name, got)
		}
		if got := bow.Touches(tt.x1, tt.y1, tt.x2, tt.y2); got != tt.touches {
			t.Errorf("%s: touches %v", name, got)
		}
	}
	for _, bad := range []string{"", "0,0 1,1", "0,0 1,1 1", "0,0 1,1 a,b", "0,0 1,1 2,0", "0,0 1,1 NaN,0", "0;0 1;1 1;0"} {
		if p, err := ParsePolygon(bad); err == nil {
			t.Errorf("%q: %v", bad, p)
		}
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	good := Rules{MinSize: 0.1, MaxSize: 0.5, MaxRate: 2, Dwell: time.Second}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for says, r := range map[string]Rules{
		"min-size":       {MinSize: -1},
		"max-size 2":     {MaxSize: 2},
		"below min-size": {MinSize: 0.5, MaxSize: 0.1},
		"max-rate":       {MaxRate: math.NaN()},
		"dwell":          {Dwell: -1},
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
