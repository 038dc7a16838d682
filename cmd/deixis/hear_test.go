package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// spokenFiles needs the models of this project and espeak-ng; without them the test
// skips. It returns a folder with two spoken files, and what is said in them.
func spokenFiles(t testing.TB) (dir, truth string) {
	t.Helper()
	if app.FindSpeech() == "" {
		t.Skip("no speech models (make speech)")
	}
	dir = t.TempDir()
	for name, phrase := range map[string]string{"a.wav": "the red cup on the left", "b.wav": "the white car in the middle"} {
		if out, err := exec.Command("espeak-ng", "-v", "en-us", "-w", filepath.Join(dir, name), phrase).CombinedOutput(); err != nil {
			t.Skipf("no espeak-ng to speak with: %v %s", err, out)
		}
	}
	return dir, written(t, "phrases.txt", "a.wav\tThe red cup, on the left.\n\nb.wav the white van in the middle\n")
}

func TestHear(t *testing.T) {
	dir, truth := spokenFiles(t)
	out := must(t, "hear", dir, "--json", "--truth", truth)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), out)
	}
	wantKeys(t, lines[0], "source", "start", "end", "text", "nbest", "fault", "took_ms")
	var h heard
	if err := json.Unmarshal([]byte(lines[0]), &h); err != nil {
		t.Fatal(err)
	}
	if !strings.EqualFold(strings.Trim(h.Text, "."), "the red cup on the left") || len(h.NBest) < 2 || h.End <= h.Start || h.Fault != "" {
		t.Errorf("heard %s", lines[0])
	}
	var f figures
	if err := json.Unmarshal([]byte(lines[2]), &f); err != nil {
		t.Fatal(err)
	}
	if f.Files != 2 || f.Words != 12 || f.Exact != 1 || f.WER < 1./12-1e-9 || f.RTF <= 0 { // "van" is wrong by intent
		t.Errorf("figures %s", lines[2])
	}
	if out := must(t, "hear", filepath.Join(dir, "a.wav"), "--whole", "--speech-beam", "1"); !strings.HasPrefix(out, "0:00.0 - 0:0") || strings.Count(out, "\n") != 1 {
		t.Errorf("for people: %q", out)
	}
	if code, _, errs := deixis(t, "hear", filepath.Join(dir, "a.wav"), "--truth", written(t, "other.txt", "c.wav what\n")); code != app.ExitInput || !strings.Contains(errs, "a.wav") {
		t.Errorf("no truth for a file: code %d, %s", code, errs)
	}
}

func TestHearErrors(t *testing.T) {
	text := written(t, "a.wav", "no sound")
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":     {[]string{"hear"}, app.ExitUsage, "no sound is named"},
		"no models":   {[]string{"hear", text, "--speech", t.TempDir()}, app.ExitModel, "make speech"},
		"no truth":    {[]string{"hear", text, "--truth", "no/such"}, app.ExitInput, "no/such"},
		"half truth":  {[]string{"hear", text, "--truth", written(t, "half.txt", "a.wav\n")}, app.ExitInput, "line 1"},
		"broken file": {[]string{"hear", text}, app.ExitInput, "a.wav"},
		"no file":     {[]string{"hear", filepath.Join(t.TempDir(), "gone.wav")}, app.ExitInput, "gone.wav"},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, "file") && app.FindSpeech() == "" {
				t.Skip("no speech models (make speech)")
			}
			if code, _, errs := deixis(t, tt.args...); code != tt.code || !strings.Contains(errs, tt.says) {
				t.Errorf("code %d, %s; want %d and %q", code, errs, tt.code, tt.says)
			}
		})
	}
}

func TestWordErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b string
		want int
	}{
		"same":    {"the red cup", "the red cup", 0},
		"nothing": {"", "", 0},
		"changed": {"the red cup", "the bread cup", 1},
		"missing": {"the red cup", "the cup", 1},
		"added":   {"the cup", "uh the the cup", 2},
		"all":     {"the red cup", "", 3},
		"order":   {"a b c", "c a b", 2},
	} {
		if got := app.WordErrors(strings.Fields(tt.a), strings.Fields(tt.b)); got != tt.want {
			t.Errorf("%s: %d errors, want %d", name, got, tt.want)
		}
	}
}

func TestSpreadOf(t *testing.T) {
	if s := app.SpreadOf(nil); s != (app.Spread{}) {
		t.Errorf("of nothing: %v", s)
	}
	if s := app.SpreadOf([]float64{4, 1, 3, 2, 5}); s.P50 != 3 || s.P99 != 5 {
		t.Errorf("of one to five: %v", s)
	}
}
