package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// TestAnnotateFPS: frames between answers have boxes, and the last has one, too.
func TestAnnotateFPS(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	must(t, "annotate", "pattern://64x48@10?frames=12", "-p", "red square", "--fps", "4", "--format", "jsonl", "--out", out, "--bundle", b.Dir, "--log-level", "error")
	var scored []int
	for _, e := range eventsOf(t, read(t, filepath.Join(out, "pattern.jsonl"))) {
		if e.Score > 0 {
			scored = append(scored, int(e.Seq)-1)
		}
	}
	for _, n := range []int{0, 3, 5, 8, 10} { // 0, 250, 500, 750 and 1000 ms, or the first frame after
		if !slices.Contains(scored, n) {
			t.Errorf("frame %d was not answered: %d", n, scored)
		}
	}
}

// TestAnnotateIntoItsInput: results are no inputs of the next run, wherever they lie.
func TestAnnotateIntoItsInput(t *testing.T) {
	b := network(t)
	dir := t.TempDir()
	clip(t, filepath.Join(dir, "a.mp4"), "2")
	args := []string{"annotate", dir, "-p", "x", "--format", "jsonl,yolo", "--bundle", b.Dir, "--log-level", "error", "--out"}
	must(t, append(args, dir)...)
	before := tree(t, dir)
	must(t, append(args, dir)...)
	sameTree(t, tree(t, dir), before)
	must(t, append(args, filepath.Join(dir, "sub"))...)
	for name := range tree(t, filepath.Join(dir, "sub")) {
		if !strings.HasPrefix(name, "a.") && name != "run.json" {
			t.Errorf("%s is a result of a result", name)
		}
	}
}

// TestAnnotateMendedInput: one that was broken is annotated once it is whole, and a
// result that was lost is made again.
func TestAnnotateMendedInput(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	file := written(t, "a.mp4", "no video")
	args := []string{"annotate", file, "gone.mp4", "pattern://64x48?frames=2", "-p", "x", "--format", "jsonl", "--out", out, "--bundle", b.Dir, "--log-level", "error"}
	if code, _, errs := deixis(t, args...); code != app.ExitInput || !strings.Contains(errs, "2 of 3") {
		t.Errorf("code %d, %s", code, errs)
	}
	raw := read(t, clip(t, filepath.Join(t.TempDir(), "b.mp4"), "3"))
	if err := os.WriteFile(file, []byte(raw), 0o644); err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(out, "pattern.jsonl")
	before := read(t, lost)
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := deixis(t, args...); code != app.ExitInput || !strings.Contains(errs, "gone.mp4") {
		t.Errorf("code %d, %s", code, errs)
	}
	if n := len(eventsOf(t, read(t, filepath.Join(out, "a.jsonl")))); n != 3 || read(t, lost) != before {
		t.Errorf("%d events", n)
	}
}

func TestAnnotateRefuses(t *testing.T) {
	b := network(t)
	dir := t.TempDir()
	for _, name := range []string{"page.html", "pattern.part.yolo/own.txt", "pattern.segments/own.txt"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	photos := filepath.Dir(picture(t))
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"somebody's page":          {[]string{"pattern://64x48?frames=1", "--review", filepath.Join(dir, "page.html"), "--out", filepath.Join(dir, "new")}, "page.html"},
		"somebody's folders":       {[]string{"pattern://64x48?frames=1", "--format", "yolo", "--out", dir}, "pattern."},
		"a page of another kind":   {[]string{"pattern://64x48?frames=1", "--review", "page.txt", "--out", filepath.Join(dir, "new")}, ".html"},
		"some of unrelated photos": {[]string{photos, "--every", "2", "--out", filepath.Join(dir, "new")}, "--sequence"},
		"two rates":                {[]string{"pattern://64x48?frames=1", "--every", "2", "--fps", "3", "--out", filepath.Join(dir, "new")}, "--fps"},
		"no format":                {[]string{"pattern://64x48?frames=1", "--format", "", "--out", filepath.Join(dir, "new")}, "--format"},
		"phrases in Latin-1":       {[]string{"pattern://64x48?frames=1", "--phrases", written(t, "p.txt", "a dog\ncaf\xe9\n"), "--out", filepath.Join(dir, "new")}, "line 2"},
		"no phrases":               {[]string{"pattern://64x48?frames=1", "--phrases", written(t, "p.txt", "# none\n\n"), "--out", filepath.Join(dir, "new")}, "no phrase"},
		"negative rate":            {[]string{"pattern://64x48?frames=1", "--every", "-1", "--out", filepath.Join(dir, "new")}, "--every"},
	} {
		code, _, errs := deixis(t, append([]string{"annotate", "-p", "x", "--bundle", b.Dir, "--log-level", "error"}, tt.args...)...)
		if code != app.ExitUsage || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
	}
	for _, name := range []string{"page.html", "pattern.part.yolo/own.txt", "pattern.segments/own.txt"} {
		if read(t, filepath.Join(dir, name)) != "mine" {
			t.Errorf("%s was replaced", name)
		}
	}
}

// TestAnnotateOver: a mistake in the command costs no results of the run before, and what
// a run that begins anew does not replace goes.
func TestAnnotateOver(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	args := []string{"annotate", "pattern://64x48?frames=2", "-p", "x", "--out", out, "--log-level", "error", "--bundle"}
	must(t, append(args, b.Dir, "--format", "jsonl,csv")...)
	before := tree(t, out)
	if code, _, _ := deixis(t, append(args, t.TempDir(), "--format", "jsonl", "--over")...); code != app.ExitModel {
		t.Errorf("no bundle: code %d", code)
	}
	sameTree(t, tree(t, out), before)
	must(t, append(args, b.Dir, "--format", "jsonl", "--over")...)
	after := tree(t, out)
	if after["pattern.jsonl"] != before["pattern.jsonl"] || after["pattern.csv"] != "" {
		t.Errorf("%d files", len(after))
	}
}
