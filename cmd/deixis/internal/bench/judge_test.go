package bench

import (
	"errors"
	"testing"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline/event"
	"deixis/pipeline/web"
)

func TestJudge(t *testing.T) {
	right, wrong := [4]float64{10, 10, 20, 20}, [4]float64{50, 50, 60, 60}
	var j judge
	var seq uint64
	show := func(b *[4]float64) {
		seq++
		j.see(&web.Status{Seq: seq, Size: [2]int{100, 50}, Targets: []web.Target{{Target: event.Target{Phrase: "the cup", Box: b}}}}, time.Now())
	}
	show(&wrong)                                                         // before anything is expected
	truth := partOf(model.Box{X1: 20, Y1: 20, X2: 40, Y2: 40}, 200, 100) // of a picture twice as large
	j.expect(truth, "")
	show(&wrong)
	show(nil)
	if _, ok := j.wait(t.Context(), time.Now()); ok {
		t.Error("a wrong box, or none, is right")
	}
	show(&right)
	first, ok := j.wait(t.Context(), time.Now())
	show(&right)
	if again, still := j.wait(t.Context(), time.Now()); !ok || !still || !again.Equal(first) {
		t.Errorf("a right box is right since %v, then %v", first, again)
	}
	show(&wrong)
	if _, ok := j.wait(t.Context(), time.Now()); ok {
		t.Error("a box that was right and went is right")
	}
	j.see(&web.Status{Seq: seq, Targets: []web.Target{{Target: event.Target{Box: &right}}}}, time.Now())
	if len(j.talking) != 2 || len(j.typing) != 0 {
		t.Errorf("%d and %d gaps: of frames between trials, or of statuses without a new frame", len(j.talking), len(j.typing))
	}
	j.expect(truth, "the dog")
	show(&right)
	if _, ok := j.wait(t.Context(), time.Now()); ok {
		t.Error("the box of another phrase is right")
	}
	if err := j.quiet(t.Context(), 0, time.Millisecond); !errors.Is(err, errSilent) || app.ExitCode(err) != app.ExitInput {
		t.Errorf("without a microphone: %v", err)
	}
	if j.stop(); j.quiet(t.Context(), 0, time.Minute) == nil {
		t.Error("it goes on without statuses")
	}
}
