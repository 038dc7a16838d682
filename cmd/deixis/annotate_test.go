package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// clip is a video of n frames at 10 a second.
func clip(t *testing.T, path string, n string) string {
	t.Helper()
	b := network(t)
	must(t, "live", "pattern://96x64@10?frames="+n, "-p", "x", "--headless", "--record", path, "--bundle", b.Dir, "--log-level", "error")
	return path
}

func TestAnnotate(t *testing.T) {
	noDesktop(t)
	b := network(t)
	dir := t.TempDir()
	for _, sub := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	first := clip(t, filepath.Join(dir, "one", "a.mp4"), "4")
	second := clip(t, filepath.Join(dir, "two", "a.mp4"), "2")
	out := filepath.Join(dir, "out", "new")
	must(t, "annotate", first, second, filepath.Dir(picture(t)), "-p", "red square", "-p", "a dog", "--out", out, "--bundle", b.Dir, "--log-level", "error")
	for name, frames := range map[string]int{"a": 4, "a-2": 2} {
		if n, i := countFrames(t, filepath.Join(out, name+".mp4")); n != frames || i.FPS != 10 {
			t.Errorf("%s.mp4 has %d frames at %v", name, n, i.FPS)
		}
		lines, err := os.ReadFile(filepath.Join(out, name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		es := eventsOf(t, string(lines))
		if len(es) != 2*frames || es[len(es)-1].Seq != uint64(frames) || es[1].Phrase != "a dog" {
			t.Errorf("%s.jsonl has %d events", name, len(es))
		}
	}
}

func TestAnnotateFormats(t *testing.T) {
	noDesktop(t)
	b := network(t)
	out := t.TempDir()
	must(t, "annotate", "pattern://64x48?frames=1", "-p", "x", "--format", "jsonl", "--out", out, "--bundle", b.Dir, "--log-level", "error")
	entries, err := os.ReadDir(out)
	if err != nil || len(entries) != 2 || entries[0].Name() != "pattern.jsonl" || entries[1].Name() != "run.json" {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestAnnotateErrors(t *testing.T) {
	b := network(t)
	dir := t.TempDir()
	text := written(t, "clip.mp4", "this is no video")
	twin := filepath.Join(t.TempDir(), "clip.mp4") // as the first result
	if err := os.WriteFile(twin, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no phrase":       {[]string{"pattern://64x48?frames=1"}, app.ExitUsage, "--phrase"},
		"without end":     {[]string{"pattern://", "-p", "x"}, app.ExitUsage, "no end"},
		"no such file":    {[]string{"gone.mp4", "-p", "x"}, app.ExitInput, "gone.mp4"},
		"no video":        {[]string{text, "-p", "x"}, app.ExitInput, "clip.mp4"},
		"empty phrase":    {[]string{"pattern://64x48?frames=1", "-p", ""}, app.ExitUsage, "empty"},
		"unknown format":  {[]string{"pattern://64x48?frames=1", "-p", "x", "--format", "gif"}, app.ExitUsage, "gif"},
		"over the source": {[]string{text, "-p", "x", "--out", filepath.Dir(text)}, app.ExitUsage, "source itself"},
		"over another":    {[]string{text, twin, "-p", "x", "--out", filepath.Dir(twin)}, app.ExitUsage, "source itself"},
		"file as folder":  {[]string{"pattern://64x48?frames=1", "-p", "x", "--out", text}, app.ExitFailed, "clip.mp4"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"annotate", "--log-level", "error", "--bundle", b.Dir}, tt.args...)
			if !strings.Contains(strings.Join(args, " "), "--out") {
				args = append(args, "--out", dir)
			}
			code, out, errs := deixis(t, args...)
			if code != tt.code || out != "" || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 {
				t.Errorf("code %d, stdout %q, stderr %q; want %d and one line that says %q", code, out, errs, tt.code, tt.says)
			}
		})
	}
}

func TestOneBrokenInputKeepsNoOther(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	code, _, errs := deixis(t, "annotate", written(t, "bad.mp4", "no video"), "pattern://64x48?frames=2", "-p", "x", "--out", out, "--bundle", b.Dir, "--log-level", "error")
	if code != app.ExitInput || !strings.Contains(errs, "bad.mp4") || strings.Count(errs, "\n") != 1 {
		t.Errorf("code %d, %s", code, errs)
	}
	if n, _ := countFrames(t, filepath.Join(out, "pattern.mp4")); n != 2 {
		t.Errorf("the other input has %d frames", n)
	}
}

// TestAnnotateTwice writes every format twice: no byte depends on when that was.
func TestAnnotateTwice(t *testing.T) {
	b := network(t)
	var said [2]map[string]string
	for n := range said {
		out := t.TempDir()
		must(t, "annotate", "pattern://96x64@10?frames=5", "-p", "red square; a dog", "--format", "jsonl,csv,coco,cvat,labelstudio,mot,webvtt,datumaro,mp4",
			"--out", out, "--bundle", b.Dir, "--log-level", "error")
		said[n] = map[string]string{}
		entries, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			said[n][e.Name()] = read(t, filepath.Join(out, e.Name()))
		}
	}
	if len(said[0]) != 12 {
		t.Errorf("%d files, want 12", len(said[0]))
	}
	for name, first := range said[0] {
		if first == "" || said[1][name] != first {
			t.Errorf("%s: two runs differ, or it is empty", name)
		}
	}
}

func TestAnnotateReplacesNobodysFile(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	own := filepath.Join(out, "pattern.mp4")
	if err := os.WriteFile(own, []byte("my holiday"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"annotate", "pattern://64x48?frames=2", "-p", "x", "--out", out, "--bundle", b.Dir, "--log-level", "error"}
	if code, _, errs := deixis(t, args...); code != app.ExitUsage || !strings.Contains(errs, "--over") || read(t, own) != "my holiday" {
		t.Errorf("code %d, %s", code, errs)
	}
	must(t, append(args, "--over")...)
	if n, _ := countFrames(t, own); n != 2 {
		t.Errorf("with --over it has %d frames", n)
	}
	out = t.TempDir()
	if err := os.Symlink(os.DevNull, filepath.Join(out, "pattern.mp4")); err != nil {
		t.Skip(err)
	}
	if code, _, errs := deixis(t, append(args, "--over", "--out", out)...); code != app.ExitFailed || !strings.Contains(errs, "not a regular file") {
		t.Errorf("into a device: code %d, %s", code, errs)
	}
}
