package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/pipeline/robot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake encodes a picture as its first bytes.
func fake(f *camera.Frame, _ int) ([]byte, error) { return bytes.Clone(f.Pix), nil }

func frame(fill byte, n int) *camera.Frame {
	return &camera.Frame{Width: n, Height: 1, Pix: bytes.Repeat([]byte{fill}, 3*n)}
}

func message(seq uint64, state string) *robot.Message {
	m := &robot.Message{V: 1, Boot: "B", Seq: seq}
	m.State = state
	return m
}

func open(t *testing.T, o Options) *Log {
	t.Helper()
	if o.Limit == 0 {
		o.Limit = 1 << 20
	}
	if o.Encode == nil {
		o.Encode = fake
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// finish writes all that waits.
func finish(t *testing.T, l *Log) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
}

// linesOf reads every line of a folder, in order, with the pictures that they name.
func linesOf(t *testing.T, dir string) (all []Line, pictures [][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", linesName))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			var l Line
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				t.Fatalf("%s: %q: %v", file, s.Text(), err)
			}
			var picture []byte
			if l.Picture != nil {
				if picture, err = os.ReadFile(filepath.Join(filepath.Dir(file), *l.Picture)); err != nil {
					t.Fatal(err)
				}
			}
			all, pictures = append(all, l), append(pictures, picture)
		}
		f.Close()
	}
	return all, pictures
}

func TestLinesAndPictures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	l := open(t, Options{Dir: dir})
	f := frame(7, 4)
	l.Keep(f, message(1, "locked"))
	f.Pix[0] = 9 // the line uses its memory again
	l.Keep(nil, message(5, "lost"))
	l.Keep(&camera.Frame{Width: 4, Height: 1}, message(6, "searching"))
	finish(t, l)
	lines, pictures := linesOf(t, dir)
	if len(lines) != 3 || lines[0].Target.State != "locked" || lines[1].Target.Seq != 5 || lines[1].Picture != nil || lines[2].Picture != nil || !bytes.Equal(pictures[0], bytes.Repeat([]byte{7}, 12)) {
		t.Errorf("%+v, %v", lines, pictures)
	}
	l = open(t, Options{Dir: dir}) // another run goes on beside the first
	l.Keep(nil, message(1, "absent"))
	finish(t, l)
	if lines, _ := linesOf(t, dir); len(lines) != 4 || lines[3].Target.State != "absent" {
		t.Errorf("%+v", lines)
	}
	if s := l.Stats(); s.Shown != 1 || s.Errors != 0 || s.Err != "" {
		t.Errorf("%+v", s)
	}
}

func TestTheFolderStaysWithinItsLimit(t *testing.T) {
	dir := t.TempDir()
	const limit = 200_000
	l := open(t, Options{Dir: dir, Limit: limit})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	const n = 150 // pictures of 3000 bytes
	for seq := range uint64(n) {
		before := l.Stats()
		l.Keep(frame(byte(seq), 1000), message(seq, "locked"))
		for l.Stats() == before { // until it is written
			time.Sleep(100 * time.Microsecond)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	var size int64
	dirs, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		size += sizeOf(filepath.Join(dir, d.Name()))
	}
	lines, _ := linesOf(t, dir)
	if last := lines[len(lines)-1].Target.Seq; size > limit || size < limit/2 || last != n-1 {
		t.Errorf("%d bytes in %d parts, the last line is of message %d", size, len(dirs), last)
	}
	for i := 1; i < len(lines); i++ {
		if lines[i].Target.Seq != lines[i-1].Target.Seq+1 {
			t.Errorf("message %d after %d", lines[i].Target.Seq, lines[i-1].Target.Seq)
		}
	}
}

// A disk that takes nothing stalls nobody: what waits is bounded, the rest is counted.
func TestASlowDisk(t *testing.T) {
	dir := t.TempDir()
	busy := make(chan struct{})
	l := open(t, Options{Dir: dir, Encode: func(f *camera.Frame, q int) ([]byte, error) {
		<-busy
		return fake(f, q)
	}})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	const n = 100
	for seq := range uint64(n) {
		l.Keep(frame(1, 10), message(seq, "locked"))
	}
	// One is being written at most.
	if s := l.Stats().Skipped; s < n-waiting-1 || s > n-waiting {
		t.Errorf("%d of %d left out", s, n)
	}
	close(busy)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := l.Stats(); s.Shown+s.Skipped != n {
		t.Errorf("%+v", s)
	}
}

func TestAnErrorIsToldOnceAndTheLogGoesOn(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	var mu sync.Mutex
	broken := errors.New("no encoder")
	l := open(t, Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil)), Encode: func(f *camera.Frame, q int) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		if f.Pix[0] == 1 {
			return nil, broken
		}
		return fake(f, q)
	}})
	for seq, fill := range []byte{1, 1, 2} {
		l.Keep(frame(fill, 10), message(uint64(seq), "locked"))
	}
	finish(t, l)
	lines, _ := linesOf(t, dir)
	if len(lines) != 3 || lines[0].Picture != nil || lines[2].Picture == nil {
		t.Errorf("%+v", lines)
	}
	if s := l.Stats(); s.Errors != 2 || s.Shown != 1 || s.Err != "" || strings.Count(log.String(), "level=WARN") != 1 || strings.Count(log.String(), "again") != 1 {
		t.Errorf("%+v, log:\n%s", s, &log)
	}
}

func TestAFullDisk(t *testing.T) {
	l := open(t, Options{Dir: t.TempDir()})
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	l.folder.lines.Close()
	l.folder.lines = full
	l.Keep(nil, message(1, "locked"))
	finish(t, l)
	if s := l.Stats(); s.Errors != 1 || !strings.Contains(s.Err, "no space") {
		t.Errorf("%+v", s)
	}
}

func TestNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}
