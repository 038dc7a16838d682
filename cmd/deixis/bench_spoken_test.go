package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench"
)

// hears skips where there are no models that hear.
func hears(t testing.TB) {
	t.Helper()
	if speechDir(t) == "" {
		t.Skip("no speech models (make speech)")
	}
}

func TestBenchSpoken(t *testing.T) {
	b := network(t)
	hears(t)
	refs := fmt.Sprintf(`{"image": %q, "phrase": "the red square", "box": [1, 1, 20, 20], "split": "val"}
{"image": %[1]q, "phrase": "a cow", "box": null, "split": "val"}
{"image": %[1]q, "phrase": "the green disc", "box": [100, 50, 30, 30], "split": "val"}
`, picture(t))
	file, clips := written(t, "refs.jsonl", refs), filepath.Join(t.TempDir(), "clips")
	if err := os.Rename(spoken(t, "stop"), filepath.Join(t.TempDir(), "kept.wav")); err != nil { // skips without espeak-ng
		t.Fatal(err)
	}
	args := []string{"bench", "speech", file, "--clips", clips, "--voices", "espeak-ng:en-us", "--bundle", b.Dir, "--log-level", "error"}
	var r bench.SpeechReport
	if err := json.Unmarshal([]byte(must(t, append(args, "--json")...)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Phrases != 2 || r.Heard == 0 || r.WER.First > 0.7 || r.MS == nil {
		t.Errorf("report %+v", r)
	}
	kept, err := os.ReadDir(clips)
	if err != nil || len(kept) != 2 {
		t.Errorf("%d clips are kept, %v", len(kept), err)
	}
	if out := must(t, args...); !strings.Contains(out, "right boxes") {
		t.Errorf("for people: %q", out)
	}
	for name, more := range map[string][]string{
		"no such voice": {"--voices", "nobody", "--clips", t.TempDir()}, "no limit": {"--limit", "0"}, "no such split": {"--split", "moon"},
	} {
		if code, _, errs := deixis(t, append(args, more...)...); code == app.ExitOK || code == app.ExitFailed || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
	}
}

func TestBenchNoise(t *testing.T) {
	hears(t)
	var r bench.NoiseReport
	if err := json.Unmarshal([]byte(must(t, "bench", "noise", "--for", "20s", "--json", "--log-level", "error")), &r); err != nil {
		t.Fatal(err)
	}
	if r.Seconds != 20 || r.Speed <= 0 || r.Always.Phrases+r.Wake.Phrases+r.Always.Commands != 0 {
		t.Errorf("report %+v", r)
	}
	r.Heard = append(r.Heard, bench.Mishear{Kind: "music", Text: "la la"})
	var people strings.Builder
	if err := r.Print(&people); err != nil || !strings.Contains(people.String(), "la la") {
		t.Errorf("for people: %q, %v", &people, err)
	}
	if code, _, errs := deixis(t, "bench", "speech", "gone.jsonl", "--sink", "x"); code != app.ExitUsage {
		t.Errorf("--sink alone: code %d, %q", code, errs)
	}
	if code, _, errs := deixis(t, "bench", "noise", "--for", "-1s"); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
		t.Errorf("code %d, %q", code, errs)
	}
}
