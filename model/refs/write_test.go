package refs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"deixis/camera"
	"deixis/model"
)

var cup = Ref{Image: "a.jpg", Phrase: "the <red> cup", Box: &model.Box{X1: 1.004, Y1: 2, X2: 4.5, Y2: 6.126}, Split: "train"}

const cupLine = `{"image":"a.jpg","phrase":"the <red> cup","box":[1,2,3.5,4.13],"split":"train"}` + "\n"

func content(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEncode(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	box := func(x1, y1, x2, y2 float32) Ref {
		return Ref{Image: "a", Phrase: "b", Box: &model.Box{X1: x1, Y1: y1, X2: x2, Y2: y2}}
	}
	for name, tt := range map[string]struct {
		ref  Ref
		want string // the line, or what the error says
		good bool
	}{
		"plain":         {cup, strings.TrimSpace(cupLine), true},
		"absent":        {Ref{Image: "a", Phrase: "b", Kind: "absent", Source: "s"}, `{"image":"a","phrase":"b","box":null,"kind":"absent","source":"s"}`, true},
		"more fields":   {Ref{Image: "a", Phrase: "b", Extra: map[string]json.RawMessage{"z": json.RawMessage(" 1 "), "drawn": json.RawMessage("1")}}, `{"image":"a","phrase":"b","box":null,"drawn":1,"z":1}`, true},
		"no image":      {Ref{Phrase: "b"}, "it has no image", false},
		"no phrase":     {Ref{Image: "a", Phrase: " "}, "its phrase is empty", false},
		"broken field":  {Ref{Image: "a", Phrase: "b", Extra: map[string]json.RawMessage{"z": json.RawMessage("{")}}, `its "z"`, false},
		"no number":     {box(nan, 0, 1, 1), "its box has a corner at NaN", false},
		"infinite":      {box(0, 0, inf, 1), "its box has a corner at +Inf", false},
		"inverted":      {box(5, 0, 1, 1), "its box has no inside", false},
		"too small":     {box(1, 1, 1.004, 5), "its box has no inside", false},
		"outside":       {box(-3, 0, 1, 1), "outside the picture", false},
		"endless":       {Ref{Image: "a", Phrase: strings.Repeat("x", maxLine)}, "not up to 1048576", false},
		"just the most": {Ref{Image: "a", Phrase: strings.Repeat("x", maxLine-len(`{"image":"a","phrase":"","box":null}`)-1)}, "xx", true},
	} {
		t.Run(name, func(t *testing.T) {
			line, err := encode(&tt.ref)
			if (err == nil) != tt.good || err != nil && !errors.Is(err, ErrLine) {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %q does not say %q", err, tt.want)
				}
				return
			}
			if got := string(line); got != tt.want+"\n" && (len(tt.want) > 2 || !strings.Contains(got, tt.want)) {
				t.Errorf("line %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refs.jsonl")
	if err := Write(file, []Ref{cup, {Image: "b", Phrase: "c"}}); err != nil {
		t.Fatal(err)
	}
	want := cupLine + `{"image":"b","phrase":"c","box":null}` + "\n"
	if got := content(t, file); got != want {
		t.Errorf("wrote %s", got)
	}
	if err := Write(file, []Ref{cup, {}}); !errors.Is(err, ErrLine) || !strings.Contains(err.Error(), "expression 2") {
		t.Errorf("error %v", err)
	}
	if got := content(t, file); got != want {
		t.Errorf("a failed Write left %s", got)
	}
	onlyFile(t, filepath.Dir(file), "refs.jsonl")
	if err := Write(filepath.Join(file, "below"), nil); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
	if err := Write(t.TempDir(), nil); err == nil {
		t.Error("replaced a folder")
	}
}

// onlyFile says that a folder holds one file and no part of another.
func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("%s holds %v, %v; want only %s", dir, entries, err, name)
	}
}

// A full is a file on a disk with room for so many bytes more.
type full struct {
	*os.File
	room       int
	noSync     bool // the disk tells of it only at Sync
	noTruncate bool
	noClose    bool
}

func (f *full) take(p []byte) []byte {
	p = p[:min(len(p), f.room)]
	f.room -= len(p)
	return p
}

func (f *full) Write(p []byte) (int, error) {
	n, err := f.File.Write(f.take(p))
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *full) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(f.take(p), at)
	if err == nil && n < len(p) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (f *full) Sync() error {
	if f.noSync {
		return syscall.ENOSPC
	}
	return f.File.Sync()
}

func (f *full) Close() error {
	err := f.File.Close()
	if f.noClose {
		return syscall.EDQUOT // NFS tells of a full disk only now
	}
	return err
}

func (f *full) Truncate(size int64) error {
	if f.noTruncate {
		return syscall.EIO
	}
	return f.File.Truncate(size)
}

func TestReplaceOnFullDisk(t *testing.T) {
	for name, disk := range map[string]full{
		"no room": {}, "little room": {room: 3}, "at Sync": {room: 100, noSync: true}, "at Close": {room: 100, noClose: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "refs.jsonl")
			put(t, file, "what was there")
			err := replace(file, func(name string) (partial, error) {
				f, err := os.Create(name)
				disk.File = f
				return &disk, err
			}, func(w io.Writer) error { _, err := w.Write([]byte("new words")); return err })
			if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) || content(t, file) != "what was there" {
				t.Errorf("error %v, left %q", err, content(t, file))
			}
			onlyFile(t, dir, "refs.jsonl")
		})
	}
}

func TestSavePicture(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	image, err := SavePicture(dir, []byte("JPEG"))
	if err != nil || !strings.HasPrefix(image, "pictures/") || !strings.HasSuffix(image, ".jpg") {
		t.Fatalf("%s, %v", image, err)
	}
	file := filepath.Join(dir, image)
	if content(t, file) != "JPEG" {
		t.Errorf("saved %q", content(t, file))
	}
	none := func(string) (partial, error) { return nil, errors.New("written again") }
	if again, err := savePicture(dir, []byte("JPEG"), none); again != image || err != nil {
		t.Errorf("the same picture: %s, %v", again, err)
	}
	if other, err := SavePicture(dir, []byte("other")); other == image || err != nil {
		t.Errorf("another picture: %s, %v", other, err)
	}
	put(t, file, "JP") // torn by a crash
	if _, err := SavePicture(dir, []byte("JPEG")); err != nil || content(t, file) != "JPEG" {
		t.Errorf("after a crash: %q, %v", content(t, file), err)
	}
	if _, err := SavePicture(file, []byte("x")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
}

func TestAppend(t *testing.T) {
	zeros := strings.Repeat("\x00", 9)
	for name, tt := range map[string]struct {
		before, kept, torn string
		bad                error
	}{
		"no file yet":         {"", "", "", nil},
		"whole":               {good + "\n", good + "\n", "", nil},
		"no line end":         {good, good + "\n", "", nil},
		"two, no line end":    {good + "\n" + good, good + "\n" + good + "\n", "", nil},
		"blanks at the end":   {good + "\n  ", good + "\n  \n", "", nil},
		"torn":                {good + "\n" + good[:20], good + "\n", good[:20], nil},
		"torn from the first": {good[:1], "", good[:1], nil},
		"zeros":               {good + "\n" + zeros, good + "\n", zeros, nil},
		"torn, then zeros":    {good + "\n" + good[:20] + zeros, good + "\n", good[:20] + zeros, nil},
		"torn in a long one":  {good + "\n{" + strings.Repeat("x", maxLine-1), good + "\n", "{" + strings.Repeat("x", maxLine-1), nil},
		"another file":        {"a text of somebody", "", "", ErrLine},
		"an endless line":     {good + "\n{" + strings.Repeat("x", maxLine), "", "", ErrLine},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "refs.jsonl")
			if tt.before != "" {
				put(t, file, tt.before)
			}
			torn, err := Append(t.Context(), file, cup, cup)
			if !errors.Is(err, tt.bad) || torn != tt.torn {
				t.Fatalf("torn %.40q, error %v", torn, err)
			}
			want := tt.kept + cupLine + cupLine
			if tt.bad != nil {
				want = tt.before
			}
			if got := content(t, file); got != want {
				t.Errorf("the file is %.200q, want %.200q", got, want)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "refs.jsonl")
	if _, err := Append(t.Context(), file, cup, Ref{}); !errors.Is(err, ErrLine) || !strings.Contains(err.Error(), "expression 2") {
		t.Errorf("a broken one: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a broken one made a file")
	}
	if _, err := Append(t.Context(), dir, cup); err == nil {
		t.Error("appended to a folder")
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	if _, err := Append(t.Context(), pipe, cup); !errors.Is(err, camera.ErrNotRegular) {
		t.Errorf("a pipe: %v", err)
	}
}

func TestAppendOnFullDisk(t *testing.T) {
	for name, tt := range map[string]struct {
		disk         full
		before, kept string
		says         string
	}{
		"no room":           {full{}, good + "\n", good + "\n", ""},
		"room for half":     {full{room: 30}, good + "\n", good + "\n", ""},
		"all but a byte":    {full{room: len(cupLine) - 1}, good + "\n", good + "\n", ""},
		"told at Sync":      {full{room: 1000, noSync: true}, good + "\n", good + "\n", "could not be taken back"}, // Sync fails again
		"a torn line":       {full{room: 30}, good + "\n" + good[:9], good + "\n", ""},
		"no line end":       {full{room: 30}, good, good, ""},
		"no way back":       {full{room: 30, noTruncate: true}, good + "\n", good + "\n" + cupLine[:30], "could not be taken back"},
		"torn, no way back": {full{room: 30, noTruncate: true}, good[:9], good[:9], "take away its torn last line"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "refs.jsonl")
			put(t, file, tt.before)
			f, err := openAppend(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			last, size, err := lastLine(f)
			if err != nil {
				t.Fatal(err)
			}
			disk := tt.disk
			disk.File = f
			_, err = appendTo(&disk, size, last, []byte(cupLine))
			if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
			if got := content(t, file); got != tt.kept {
				t.Errorf("left %q, want %q", got, tt.kept)
			}
			// With room again the next line is whole, whatever was left.
			if _, err := Append(t.Context(), file, cup); err != nil {
				t.Fatal(err)
			}
			if _, err := scanned(strings.NewReader(content(t, file))); err != nil {
				t.Errorf("the file cannot be read any more: %v", err)
			}
		})
	}
}

func TestManyAppend(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refs.jsonl")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if _, err := Append(t.Context(), file, cup); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := content(t, file); got != strings.Repeat(cupLine, 40) {
		t.Errorf("the file is %s", got)
	}
}

func TestAppendWaits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refs.jsonl")
	other := flock.New(file)
	if err := other.Lock(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Append(ctx, file, cup); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := lock(t.Context(), file, 1); !errors.Is(err, ErrBusy) {
		t.Errorf("locked by another: %v", err)
	}
	done := make(chan error, 1)
	go func() { _, err := Append(t.Context(), file, cup); done <- err }()
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
