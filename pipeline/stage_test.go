package pipeline

import (
	"strings"
	"testing"
	"time"

	"deixis/model"
)

func TestHistogram(t *testing.T) {
	var times Timings
	for _, d := range []time.Duration{0, 2 * time.Millisecond, 3 * time.Millisecond, time.Hour} {
		times.Add(StageDraw, d)
	}
	h := times.Histogram(StageDraw)
	if h.N != 4 || h.Sum != time.Hour+5*time.Millisecond || h.Counts[0] != 1 || h.Counts[2] != 2 || h.Counts[3] != 3 || h.Counts[len(Bounds)-1] != 3 {
		t.Errorf("%+v", h)
	}
}

func TestStateNames(t *testing.T) {
	var names []string
	for s := Searching; s <= Absent+1; s++ {
		names = append(names, s.String())
	}
	if got := strings.Join(names, " "); got != "searching locked unsure lost absent unknown" {
		t.Error(got)
	}
}

func TestTimings(t *testing.T) {
	var times Timings
	if s := times.Of(StageDraw); s != (Spread{}) {
		t.Errorf("of nothing: %+v", s)
	}
	for i := range 5000 { // the newest 1024 count: 3976 to 4999
		times.Add(StageDraw, time.Duration(i))
	}
	if s := times.Of(StageDraw); s.N != 1024 || s.P50 != 3976+512 || s.P95 != 3976+972 || s.P99 != 3976+1013 {
		t.Errorf("Of = %+v", s)
	}
	for _, s := range Stages() {
		if s.String() == "" || s.String() == "unknown" {
			t.Errorf("stage %d has no name", s)
		}
	}
}

func TestStageWithoutAName(t *testing.T) {
	for _, s := range []Stage{-1, stages} {
		if got := s.String(); got != "unknown" {
			t.Errorf("stage %d is %q", s, got)
		}
	}
}

func TestAnsweredNotesEachPart(t *testing.T) {
	var times Timings
	times.Answered(model.Took{Resize: 1, Frame: 2, Phrase: 3, Ground: 4}, 11)
	for s, want := range map[Stage]time.Duration{StageResize: 1, StageFrame: 2, StagePhrase: 3, StageGround: 4, StageModel: 11} {
		if got := times.Of(s); got != (Spread{N: 1, P50: want, P95: want, P99: want}) {
			t.Errorf("%v: %+v, want %v", s, got, want)
		}
	}
}

func TestHasBox(t *testing.T) {
	for s, want := range map[State]bool{Searching: false, Locked: true, Unsure: true, Lost: false, Absent: false} {
		if got := (&View{State: s}).HasBox(); got != want {
			t.Errorf("%v: %v", s, got)
		}
	}
}

// A time is counted in every bucket from its own on, which needs bounds that rise.
func TestBoundsRise(t *testing.T) {
	for i := range Bounds[1:] {
		if Bounds[i] >= Bounds[i+1] {
			t.Errorf("bound %d is %v, the one after it %v", i, Bounds[i], Bounds[i+1])
		}
	}
	if first, last := Bounds[0], Bounds[len(Bounds)-1]; first != 500*time.Microsecond || last != 5*time.Second {
		t.Errorf("bounds from %v to %v", first, last)
	}
}
