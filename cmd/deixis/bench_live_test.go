package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench"
)

// TestBenchLive says one phrase to the whole line, in real time.
func TestBenchLive(t *testing.T) {
	b := network(t)
	hears(t)
	file := written(t, "refs.jsonl", fmt.Sprintf(`{"image": %q, "phrase": "the red square", "box": [1, 1, 20, 20], "split": "val"}`, picture(t)))
	spoken(t, "stop")                  // skips without espeak-ng
	t.Setenv("DEIXIS_AS_PROGRAM", "1") // see TestMain
	var r bench.LiveReport
	out := must(t, "bench", "speech", file, "--live", "--voices", "espeak-ng:en-us", "--bundle", b.Dir, "--json", "--log-level", "error")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Phrases != 1 || r.WER > 1 || r.GapMS.Spoken.P50 < 20 || r.GapMS.Typed.P50 < 20 || r.Stages["frame"] <= 0 {
		t.Errorf("report %+v", r)
	}
	var people strings.Builder
	if err := r.Print(&people); err != nil || !strings.Contains(people.String(), "right boxes") {
		t.Errorf("for people: %q, %v", &people, err)
	}
}

func TestProgramThatEndsAtOnce(t *testing.T) {
	t.Setenv("DEIXIS_AS_PROGRAM", "1") // see TestMain
	file := written(t, "r.jsonl", `{"image":"gone.jpg","phrase":"cup","box":null}`)
	if code, _, errs := deixis(t, "bench", "speech", file, "--live", "--split", "", "--clips", t.TempDir()); code != app.ExitInput || strings.Count(errs, "\n") != 1 {
		t.Errorf("code %d, %q", code, errs)
	}
}
