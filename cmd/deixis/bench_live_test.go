package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// TestBenchLive says one phrase to the whole line, in real time.
func TestBenchLive(t *testing.T) {
	b := network(t)
	hears(t)
	file := written(t, "refs.jsonl", fmt.Sprintf(`{"image": %q, "phrase": "the red square", "box": [1, 1, 20, 20], "split": "val"}`, picture(t)))
	spoken(t, "stop") // skips without espeak-ng
	var r liveReport
	out := must(t, "bench", "--spoken", file, "--live", "--voices", "espeak-ng:en-us", "--bundle", b.Dir, "--json", "--log-level", "error")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Phrases != 1 || r.WER > 1 || r.GapMS.Spoken.P50 < 20 || r.GapMS.Typed.P50 < 20 || r.Stages["frame"].P50 <= 0 {
		t.Errorf("report %+v", r)
	}
	var people strings.Builder
	if err := r.print(&people); err != nil || !strings.Contains(people.String(), "right boxes") {
		t.Errorf("for people: %q, %v", &people, err)
	}
}

func TestJudge(t *testing.T) {
	right, wrong := model.Box{X1: 10, Y1: 10, X2: 20, Y2: 20}, model.Box{X1: 50, Y1: 50, X2: 60, Y2: 60}
	var j judge
	show := func(b model.Box, s pipeline.State) {
		t.Helper()
		if err := j.Show(t.Context(), &camera.Frame{}, []pipeline.View{{Phrase: "p", State: s, Box: b}}); err != nil {
			t.Fatal(err)
		}
	}
	j.expect(right, true)
	show(wrong, pipeline.Locked)
	show(right, pipeline.Absent)
	if _, ok := j.wait(t.Context(), time.Now()); ok {
		t.Error("a wrong box, or none, is right")
	}
	show(right, pipeline.Unsure)
	first, ok := j.wait(t.Context(), time.Now())
	show(right, pipeline.Locked)
	if again, still := j.wait(t.Context(), time.Now()); !ok || !still || !again.Equal(first) {
		t.Errorf("a right box is right since %v, then %v", first, again)
	}
	show(wrong, pipeline.Locked)
	if _, ok := j.wait(t.Context(), time.Now()); ok {
		t.Error("a box that was right and went is right")
	}
	if len(j.talking) != 4 || len(j.typing) != 0 {
		t.Errorf("%d and %d gaps", len(j.talking), len(j.typing))
	}
}
