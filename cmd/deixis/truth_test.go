package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench"
)

func TestBenchOfWhatSomebodySaw(t *testing.T) {
	b := network(t)
	file := filepath.Join(t.TempDir(), "truth.json")
	if err := os.WriteFile(file, []byte(`{"fps": 10, "things": [{"phrase": "a red square", "boxes":
		[{"frame": 3, "box": [60, 60, 90, 90]}, {"frame": 9, "box": [60, 60, 90, 90]}]}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"pattern://160x120@10?frames=12", "--truth", file, "--bundle", b.Dir, "--log-level", "error"}
	var lag bench.LagReport
	if err := json.Unmarshal([]byte(must(t, append([]string{"bench", "lag", "--json"}, args...)...)), &lag); err != nil {
		t.Fatal(err)
	}
	if s := lag.Scenes; len(s) != 1 || s[0].Right == nil || s[0].Name != "a red square (3 to 9)" || s[0].Still < 0.9 {
		t.Errorf("%+v", lag) // the box that somebody saw stands still, and so it is shown
	}
	if out := must(t, append([]string{"bench", "lock"}, args...)...); !strings.Contains(out, "a red square (3 to 9)") {
		t.Errorf("lock says %s", out)
	}
	for name, more := range map[string][]string{
		"no source": {"lag", "--truth", file}, "neither lag nor lock": {"speed", "pattern://9x9?frames=2", "--truth", file},
	} {
		if code, _, errs := deixis(t, append([]string{"bench"}, more...)...); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
	}
	code, _, errs := deixis(t, "bench", "lag", "pattern://160x120@10?frames=2", "--truth", file, "--bundle", b.Dir, "--log-level", "error")
	if code != app.ExitInput || !strings.Contains(errs, "ends after 2 frames") {
		t.Errorf("a short recording: code %d, %s", code, errs)
	}
}
