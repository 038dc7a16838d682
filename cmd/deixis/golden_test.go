package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// beside links the bundle into a folder of its own, with golden answers that a
// test may change.
func beside(t *testing.T, change func(said map[string]any)) (dir string) {
	t.Helper()
	b := network(t)
	golden := filepath.Join(app.Above("assets/golden/answers.json"), "assets", "golden")
	raw, err := os.ReadFile(filepath.Join(golden, "answers.json"))
	if err != nil {
		t.Skipf("no golden answers (the trainer's export writes them): %v", err)
	}
	dir = t.TempDir()
	files := append(b.Contents(), model.File{Name: "bundle.json"})
	for _, f := range files {
		whole, err := filepath.Abs(b.Path(f.Name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Link(whole, filepath.Join(dir, f.Name)); err != nil {
			copied, err := os.ReadFile(whole)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, f.Name), copied, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var said map[string]any
	if err := json.Unmarshal(raw, &said); err != nil {
		t.Fatal(err)
	}
	picture, err := filepath.Abs(filepath.Join(golden, said["image"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	said["image"] = "frame.png"
	change(said)
	if raw, err = json.Marshal(said); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "golden"), 0o755); err != nil {
		t.Fatal(err)
	}
	png, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"answers.json": raw, "frame.png": png} {
		if err := os.WriteFile(filepath.Join(dir, "golden", name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestStartComparesWithGoldenAnswers starts with answers that are right, that
// are not, and that are another bundle's.
func TestStartComparesWithGoldenAnswers(t *testing.T) {
	noDesktop(t)
	for name, tt := range map[string]struct {
		change func(said map[string]any)
		code   int
		says   string
	}{
		"right": {func(map[string]any) {}, app.ExitOK, ""},
		"wrong": {func(said map[string]any) {
			first := said["answers"].([]any)[0].(map[string]any)
			first["boxes"].([]any)[0] = []any{0.9, 0.9, 0.99, 0.99}
		}, app.ExitModel, "wrong answers"},
		"of another bundle": {func(said map[string]any) { said["graphs"] = map[string]any{}; said["answers"] = nil }, app.ExitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := beside(t, tt.change)
			code, _, errs := deixis(t, "live", "pattern://64x48?frames=1", "-p", "cup", "--headless", "--provider", "cpu", "--bundle", dir, "--log-level", "error")
			if code != tt.code || !strings.Contains(errs, tt.says) {
				t.Errorf("code %d, %s; want %d and %q", code, errs, tt.code, tt.says)
			}
		})
	}
}
