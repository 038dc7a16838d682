package segment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline/annotate"
)

// frame is frame n of a recording, and what was answered on it.
func frame(n int) (*camera.Frame, annotate.Answered) {
	f := &camera.Frame{Seq: uint64(n + 1), PTS: time.Duration(n) * 40 * time.Millisecond, Width: 2, Height: 1, Pix: []byte{byte(n), 1, 2, 3, 4, 5}}
	a := annotate.Answered{PTS: f.PTS, File: "a.mp4", Width: 2, Height: 1, Asked: n%2 == 0}
	if a.Asked {
		s := annotate.Said{Presence: 0.25, There: true, N: 1}
		s.Boxes[0], s.Scores[0] = model.Box{X1: float32(n), X2: 7.25, Y2: 3}, 0.5
		a.Said = []annotate.Said{s, {}}
	}
	return f, a
}

func open(t *testing.T, dir, key string) *Store {
	t.Helper()
	s, err := Open(dir, key, 5)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fill(t *testing.T, s *Store, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := s.Add(frame(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// want checks that exactly the first n frames are there.
func want(t *testing.T, s *Store, n int) {
	t.Helper()
	i := 0
	for a, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		if _, w := frame(i); !reflect.DeepEqual(a, w) {
			t.Fatalf("frame %d is %+v, want %+v", i, a, w)
		}
		i++
	}
	if i != n {
		t.Fatalf("%d frames, want %d", i, n)
	}
}

func TestGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := open(t, dir, "k")
	if s.Place().Seq != 0 || s.End() != nil {
		t.Errorf("of nothing: %+v", s)
	}
	fill(t, s, 0, 13)
	want(t, s, 10) // three are in no file yet

	s = open(t, dir, "k")
	f, _ := frame(9)
	if p := s.Place(); p.Seq != 10 || p.PTS != f.PTS || p.Sum != f.Checksum() || s.End() != nil {
		t.Errorf("place %+v", p)
	}
	fill(t, s, 10, 13)
	if err := s.Finish(End{Says: "cut short"}); err != nil {
		t.Fatal(err)
	}
	want(t, s, 13)
	s = open(t, dir, "k")
	if s.End() == nil || s.End().Says != "cut short" {
		t.Errorf("end %+v", s.End())
	}
	want(t, s, 13)
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestOnlyWholeSegmentsCount: those before the first that is torn, foreign or missing.
func TestOnlyWholeSegmentsCount(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"cut short": func(t *testing.T, file string) {
			if err := os.Truncate(file, 40); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, file string) {
			if err := os.Truncate(file, 0); err != nil {
				t.Fatal(err)
			}
		},
		"one bit": func(t *testing.T, file string) {
			raw, err := os.ReadFile(file)
			if err == nil {
				raw[len(raw)/2] ^= 1
				err = os.WriteFile(file, raw, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
		"another number": func(t *testing.T, file string) {
			if err := os.Rename(filepath.Join(filepath.Dir(file), "000002.segment"), file); err != nil {
				t.Fatal(err)
			}
		},
		"of another run": func(t *testing.T, file string) {
			other := filepath.Join(t.TempDir(), "o")
			fill(t, open(t, other, "k2"), 0, 10)
			if err := os.Rename(filepath.Join(other, "000001.segment"), file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, open(t, dir, "k"), 0, 15)
			spoil(t, filepath.Join(dir, "000001.segment"))
			s := open(t, dir, "k")
			want(t, s, 5)
			fill(t, s, 5, 15)
			want(t, open(t, dir, "k"), 15)
		})
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, "k", 5); err == nil {
		t.Error("a file was taken for a folder")
	}
	dir := filepath.Join(t.TempDir(), "s")
	s := open(t, dir, "k")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(End{}); err == nil {
		t.Error("a folder that is gone is not told")
	}
}
