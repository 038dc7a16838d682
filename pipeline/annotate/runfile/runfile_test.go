package runfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deixis/camera"
)

func open(t *testing.T, dir string) *File {
	t.Helper()
	f, err := OpenIn(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	f := open(t, dir)
	s := Settings{Program: "1", Phrases: []string{"a", "b"}, Every: 1, CloseGap: "500ms"}
	if err := f.Begin(s); err != nil || !f.Fresh() {
		t.Fatal(err)
	}
	in := Input{Name: "a", Source: "x/a.mp4", State: Open}
	other := Input{Name: "a-2", Source: "y/a.mp4", State: Open}
	if err := f.Put(in, other); err != nil {
		t.Fatal(err)
	}
	in.State, in.Frames = Done, 7
	if err := f.Put(in); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIn(dir, false); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one: %v", err)
	}
	first, err := os.ReadFile(filepath.Join(dir, Name))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, ".run.json123"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, ".run.json.swp")
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f = open(t, dir)
	if _, err := os.Stat(filepath.Join(dir, ".run.json123")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed run left: %v", err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("an editor's file: %v", err)
	}
	if got, ok := f.Of("x/a.mp4"); !ok || got.Frames != 7 || got.State != Done || f.Fresh() || len(f.Inputs()) != 2 {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := f.Of("z.mp4"); ok {
		t.Error("an input that nobody gave")
	}
	if err := f.Begin(s); err != nil {
		t.Errorf("the same settings: %v", err)
	}
	if err := f.Put(in); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, Name)); err != nil || string(again) != string(first) {
		t.Errorf("%v\n%s\nwant\n%s", err, again, first)
	}
	s.CloseGap = "1s"
	if err := f.Begin(s); !errors.Is(err, ErrOther) || !strings.Contains(err.Error(), `close_gap was "500ms" and is "1s" now`) {
		t.Errorf("other settings: %v", err)
	}
	f.Clear()
	if err := f.Begin(s); err != nil || len(f.Inputs()) != 0 {
		t.Errorf("begun anew: %v", err)
	}
}

// TestEverySettingCounts: results are not mixed, whichever of them differs.
func TestEverySettingCounts(t *testing.T) {
	for _, other := range []Settings{
		{Program: "2"}, {Bundle: "b"}, {BundleSHA256: "b"}, {Provider: "cuda"}, {Precision: "int8"}, {Instructions: "amd64"}, {ONNXRuntime: "1"}, {OpenCV: "4"},
		{Phrases: []string{"a"}}, {Formats: []string{"csv"}}, {Every: 2}, {FPS: 2}, {CloseGap: "1s"}, {LeastTrack: "1s"}, {Stills: "1s"}, {Sequence: true}, {MaxPixels: 5},
		{Fixes: "a"},
	} {
		if difference(Settings{}, other) == "" || difference(other, other) != "" {
			t.Errorf("%+v", other)
		}
		later := other.Formats != nil || other.CloseGap+other.LeastTrack+other.Stills+other.Fixes != "" // than answering
		if same := (Settings{}).Key(Input{}) == other.Key(Input{}); same != later {
			t.Errorf("%+v: its answers have the same key: %v", other, same)
		}
	}
	if (Settings{}).Key(Input{SHA256: "a"}) == (Settings{}).Key(Input{SHA256: "b"}) {
		t.Error("two inputs have the same key")
	}
}

func TestNotOurs(t *testing.T) {
	for _, holds := range []string{"", "{}", `{"v":2}`, `{"v":1,"mine":3}`, "text"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, Name), []byte(holds), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenIn(dir, false); !errors.Is(err, ErrOther) {
			t.Errorf("%q: %v", holds, err)
		}
	}
	for _, name := range []string{"", "..", "../escaped", "a/b", `a\\b`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, Name), fmt.Appendf(nil, `{"v":1,"inputs":[{"name":"%s"}]}`, name), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenIn(dir, false); !errors.Is(err, ErrOther) {
			t.Errorf("an input called %q: %v", name, err)
		}
		f, err := OpenIn(dir, true)
		if err != nil || !f.Fresh() || len(f.Inputs()) > 0 {
			t.Errorf("begun anew: %v", err)
		}
		f.Close()
	}
	if _, err := OpenIn(filepath.Join(t.TempDir(), "\x00"), false); err == nil {
		t.Error("a folder of no name")
	}
}

func TestDigest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.mp4")
	write := func(holds string) {
		if err := os.WriteFile(file, []byte(holds), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	ref := camera.Ref{Kind: camera.File, Path: file}
	var in Input
	if in.Same(ref) {
		t.Error("nothing is known of it yet")
	}
	if err := in.Digest(t.Context(), ref); err != nil || in.Bytes != 3 || !in.Same(ref) {
		t.Fatalf("%+v, %v", in, err)
	}
	later := in.Modified.Add(time.Minute)
	if err := os.Chtimes(file, later, later); err != nil || in.Same(ref) {
		t.Errorf("it was touched: %v", err)
	}
	touched := in
	if err := touched.Digest(t.Context(), ref); err != nil || touched.SHA256 != in.SHA256 {
		t.Errorf("touched only: %v", err)
	}
	write("two")
	if err := touched.Digest(t.Context(), ref); err != nil || touched.SHA256 == in.SHA256 {
		t.Errorf("changed: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := in.Digest(stopped, ref); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := in.Digest(t.Context(), camera.Ref{Kind: camera.File, Path: file + "x"}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	pictures := camera.Ref{Kind: camera.Images, Path: dir, Paths: []string{file}}
	var a, b Input
	if err := errors.Join(a.Digest(t.Context(), pictures), os.Rename(file, file+"2")); err != nil {
		t.Fatal(err)
	}
	pictures.Paths[0] += "2"
	if err := b.Digest(t.Context(), pictures); err != nil || a.SHA256 == b.SHA256 {
		t.Errorf("a picture has another name: %v", err)
	}
}
