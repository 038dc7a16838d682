package outfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("OUTFILE_KILLED"); path != "" {
		killed(path)
	}
	goleak.VerifyTestMain(m)
}

// killed writes some of an output and waits to be killed.
func killed(path string) {
	f, err := Create(path, nil)
	if err == nil {
		_, err = f.WriteString("half")
	}
	fmt.Println(err)
	select {}
}

// names lists a folder, each file with what it holds.
func names(t *testing.T, dir string) string {
	t.Helper()
	in, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range in {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+"="+string(raw))
	}
	return strings.Join(all, " ")
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, f *File, text string) {
	t.Helper()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, path string, log *slog.Logger) *File {
	t.Helper()
	f, err := Create(path, log)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCreateReplacesWhatIsWholeByWhatIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.mp4")
	put(t, path, "old")
	for _, tt := range []struct {
		end  func(*File) error
		want string
	}{
		{(*File).Discard, "a.mp4=old"},
		{(*File).Commit, "a.mp4=new"},
		{(*File).Close, "a.mp4=new a.part.mp4=new"},
	} {
		f := create(t, path, nil)
		write(t, f, "new")
		if got := names(t, dir); !strings.Contains(got, "a.part.mp4=new") {
			t.Errorf("while it is written: %s", got)
		}
		if err := tt.end(f); err != nil {
			t.Error(err)
		}
		if got := names(t, dir); got != tt.want {
			t.Errorf("folder holds %s, want %s", got, tt.want)
		}
	}
}

func TestSecondOutputIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, other := range map[string]string{"the same": "a.x", "a longer way": "../" + filepath.Base(dir) + "/a.x", "a link": "link.x"} {
		path := filepath.Join(dir, "a.x")
		put(t, path, "")
		os.Symlink("a.x", filepath.Join(dir, "link.x"))
		other = dir + "/" + other
		ways := map[string]func(string) (*File, error){
			"create": func(p string) (*File, error) { return Create(p, nil) },
			"grow":   func(p string) (*File, error) { return Grow(t.Context(), p, nil) },
		}
		for first, one := range ways {
			for second, two := range ways {
				f, err := one(path)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := two(other); !errors.Is(err, ErrBusy) {
					t.Errorf("%s, %s after %s: %v", name, second, first, err)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
				g, err := two(other)
				if err != nil {
					t.Fatalf("%s, %s once %s is closed: %v", name, second, first, err)
				}
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestKilledRunLeavesItsPart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "OUTFILE_KILLED="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 100)
	n, _ := out.Read(said)
	if string(said[:n]) != "<nil>\n" {
		t.Errorf("the child says %q", said[:n])
	}
	if _, err := Create(path, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("beside another program: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()

	var log bytes.Buffer
	f := create(t, path, slog.New(slog.NewTextHandler(&log, nil)))
	write(t, f, "whole")
	if err := f.Commit(); err != nil {
		t.Error(err)
	}
	if got := names(t, filepath.Dir(path)); got != "a.mp4=whole a.part.1.mp4=half" {
		t.Errorf("folder holds %s", got)
	}
	if !strings.Contains(log.String(), "a.part.1.mp4") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log says %q", &log)
	}
}

func TestGrowKeepsWhatStoodThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.jsonl")
	for _, text := range []string{"one", "two", "three"} {
		f, err := Grow(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, text)
		if raw, _ := os.ReadFile(path); string(raw) != text {
			t.Errorf("a reader sees %q of %q", raw, text)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := names(t, filepath.Dir(path)); got != "e.1.jsonl=one e.2.jsonl=two e.jsonl=three" {
		t.Errorf("folder holds %s", got)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for name, open := range map[string]func() (*File, error){
		"no such folder, create": func() (*File, error) { return Create(filepath.Join(dir, "no", "a.x"), nil) },
		"no such folder, grow":   func() (*File, error) { return Grow(t.Context(), filepath.Join(dir, "no", "a.x"), nil) },
		"a folder":               func() (*File, error) { return Create(dir, nil) },
	} {
		if f, err := open(); err == nil || f != nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Create(dir, nil); !errors.Is(err, camera.ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
}

// Many that want one output get it one after the other, and none finds half of it.
func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.x")
	const long = 1 << 16
	var all sync.WaitGroup
	for n := range 8 {
		text := strings.Repeat(string(rune('a'+n)), long)
		all.Go(func() {
			for done := 0; done < 5; {
				f, err := Create(path, slog.New(slog.DiscardHandler))
				if errors.Is(err, ErrBusy) {
					continue
				}
				if err == nil {
					_, err = f.WriteString(text)
				}
				if err == nil {
					err = f.Commit()
				}
				if err != nil {
					t.Error(err)
					return
				}
				raw, err := os.ReadFile(path)
				if err != nil || len(raw) != long || strings.Trim(string(raw), string(raw[:1])) != "" {
					t.Errorf("%d bytes, %v", len(raw), err)
				}
				done++
			}
		})
	}
	all.Wait()
}

var errStopped = errors.New("stopped")

// A pipe without a reader does not keep the program from its end.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	if err := mkfifo(path); err != nil {
		t.Skip(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errStopped)
	if _, err := Grow(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("without a reader: %v", err)
	}
	if _, err := Create(path, nil); !errors.Is(err, camera.ErrNotRegular) {
		t.Errorf("a video in a pipe: %v", err)
	}
	read := make(chan string)
	go func() {
		raw, err := os.ReadFile(path)
		read <- fmt.Sprint(string(raw), err)
	}()
	f, err := Grow(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "line")
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if got := <-read; got != "line<nil>" {
		t.Errorf("its reader got %s", got)
	}
}
