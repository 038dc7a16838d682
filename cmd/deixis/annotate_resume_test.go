package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deixis/cmd/deixis/internal/app"
)

// kills is how often TestAnnotateKilled kills a run.
var kills = flag.Int("kills", 5, "how often a run of annotate is killed in TestAnnotateKilled")

// tree is what the files under a folder hold, by their names.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err == nil {
			all[filepath.ToSlash(rel)] = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sameTree compares the results of two runs, byte for byte.
func sameTree(t *testing.T, got, want map[string]string) {
	t.Helper()
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("files %q\nwant %q", g, w)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Fatalf("%s differs from that of an unbroken run (%d bytes, %d)", name, len(got[name]), len(want[name]))
		}
	}
}

// longRun is a command line of annotate over two recordings with all kinds of results.
func longRun(t *testing.T) (args []string) {
	b := network(t)
	dir := t.TempDir()
	return []string{
		"annotate", clip(t, filepath.Join(dir, "a.mp4"), "45"), clip(t, filepath.Join(dir, "b.mp4"), "20"), "-p", "red square; the disc", "--every", "2", "--segment", "7",
		"--format", "jsonl,cvat,yolo,mp4", "--bundle", b.Dir, "--log-level", "error", "--out",
	}
}

// TestAnnotateKilled: whenever a run is killed, the same command goes on and leaves the
// same bytes as a run that was not.
func TestAnnotateKilled(t *testing.T) {
	noDesktop(t)
	args := longRun(t)
	unbroken := t.TempDir()
	start := time.Now()
	must(t, append(args, unbroken)...)
	took := time.Since(start) // how far a run gets by then says nothing of what must come out
	want := tree(t, unbroken)
	rng := rand.New(rand.NewPCG(20, 16))
	out := filepath.Join(t.TempDir(), "0")
	for n := range *kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, out)...)
		cmd.Env = append(os.Environ(), "DEIXIS_AS_PROGRAM=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-time.After(time.Duration(rng.Int64N(int64(took)))):
			cmd.Process.Kill()
			<-ended
		case err := <-ended: // it went on from far
			if err != nil {
				t.Fatal(err)
			}
		}
		if n%4 == 3 || n == *kills-1 {
			must(t, append(args, out)...)
			sameTree(t, tree(t, out), want)
			out = filepath.Join(filepath.Dir(out), filepath.Base(out)+"0")
		}
	}
}

// TestAnnotateFinished: a finished run does nothing, and is not mixed with another.
func TestAnnotateFinished(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	bad := written(t, "bad.mp4", "no video")
	args := []string{"annotate", bad, "pattern://64x48?frames=3", "--format", "jsonl", "--out", out, "--bundle", b.Dir}
	code, _, _ := deixis(t, append(args, "-p", "x")...)
	before := tree(t, out)
	if code != app.ExitInput || before["pattern.jsonl"] == "" {
		t.Fatalf("code %d, %v", code, slices.Collect(maps.Keys(before)))
	}
	is, err := os.Stat(filepath.Join(out, "pattern.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	code, said, errs := deixis(t, append(args, "-p", "x", "--json")...)
	after, err := os.Stat(filepath.Join(out, "pattern.jsonl"))
	if err != nil || code != app.ExitInput || !after.ModTime().Equal(is.ModTime()) || !strings.Contains(errs, "bad.mp4") || !strings.Contains(said, `"frames":3`) {
		t.Errorf("once more: code %d, %v, %s\n%s", code, err, errs, said)
	}
	sameTree(t, tree(t, out), before)
	must(t, "annotate", "pattern://64x48?frames=3", "--format", "jsonl", "--out", out, "--bundle", b.Dir, "-p", "x") // without the bad one
	sameTree(t, tree(t, out), before)
	for name, tt := range map[string]struct {
		more []string
		says string
	}{
		"another phrase": {[]string{"-p", "y"}, "phrases"},
		"another rate":   {[]string{"-p", "x", "--every", "2"}, "every"},
		"another gap":    {[]string{"-p", "x", "--close-gap", "1s"}, "close_gap"},
	} {
		code, _, errs := deixis(t, append(args, tt.more...)...)
		if code != app.ExitUsage || !strings.Contains(errs, tt.says) || !strings.Contains(errs, "--over") {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
	}
	sameTree(t, tree(t, out), before)
	if code, _, errs := deixis(t, append(args, "-p", "y", "--over")...); code != app.ExitInput {
		t.Errorf("with --over: code %d, %s", code, errs)
	}
	if !strings.Contains(read(t, filepath.Join(out, "pattern.jsonl")), `"y"`) {
		t.Error("with --over the results are the old ones")
	}
}

// TestAnnotateChangedInput: what was found in another file of that name is not mixed in.
func TestAnnotateChangedInput(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	file := clip(t, filepath.Join(t.TempDir(), "a.mp4"), "3")
	args := []string{"annotate", file, "-p", "x", "--format", "jsonl", "--out", out, "--bundle", b.Dir, "--log-level", "error"}
	must(t, args...)
	other := read(t, clip(t, filepath.Join(t.TempDir(), "b.mp4"), "5"))
	if err := os.WriteFile(file, []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := deixis(t, args...); code != app.ExitUsage || !strings.Contains(errs, "has changed") {
		t.Errorf("code %d, %s", code, errs)
	}
	later := time.Now().Add(time.Hour)
	must(t, append(args, "--over")...)
	if err := os.Chtimes(file, later, later); err != nil { // touched, and the same
		t.Fatal(err)
	}
	must(t, args...)
}

// TestAnnotateInterrupted: what an early end leaves does not look like a result, and the
// run goes on from there.
func TestAnnotateInterrupted(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	args := []string{"annotate", "pattern://64x48?frames=100000", "-p", "x", "--out", out, "--segment", "5", "--bundle", b.Dir, "--log-level", "error"}
	for round := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan int, 1)
		go func() { ended <- run(ctx, args, strings.NewReader(""), io.Discard, io.Discard) }()
		for whole := filepath.Join(out, "pattern.segments", []string{"000001", "000003"}[round]+".segment"); ; {
			if _, err := os.Stat(whole); err == nil {
				break
			}
			select {
			case code := <-ended:
				t.Fatalf("it ended by itself with %d", code)
			case <-time.After(time.Millisecond):
			}
		}
		stop()
		if code := <-ended; code != app.ExitFailed {
			t.Errorf("code %d", code)
		}
	}
	for _, name := range []string{"pattern.mp4", "pattern.jsonl"} {
		if _, err := os.Stat(filepath.Join(out, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s looks whole: %v", name, err)
		}
	}
}

// TestAnnotateTwoRuns: a second run into the same folder is refused.
func TestAnnotateTwoRuns(t *testing.T) {
	b := network(t)
	out := t.TempDir()
	args := []string{"annotate", "pattern://64x48?frames=100000", "-p", "x", "--out", out, "--bundle", b.Dir, "--log-level", "error"}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, strings.NewReader(""), io.Discard, io.Discard) }()
	for {
		if _, err := os.Stat(filepath.Join(out, "run.json")); err == nil {
			break
		}
		select {
		case code := <-ended:
			t.Fatalf("it ended by itself with %d", code)
		case <-time.After(time.Millisecond):
		}
	}
	if code, _, errs := deixis(t, args...); code != app.ExitUsage || !strings.Contains(errs, "another run") {
		t.Errorf("code %d, %s", code, errs)
	}
	stop()
	<-ended
}
