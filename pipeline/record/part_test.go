package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/pipeline/outfile"
)

// endless records until it is killed; it prints the process that is ffmpeg, and then
// the PTS of each frame taken, in milliseconds.
func endless(path string) {
	r, err := New(path, Options{})
	for n := 0; err == nil; n++ {
		f := grey(320, 240, n%25)
		f.PTS = time.Duration(n) * 100 * time.Millisecond
		if err = r.Show(context.Background(), f, nil); err != nil {
			break
		}
		if n == 0 {
			fmt.Println(r.to.(*variableRate).cmd.Process.Pid)
		}
		fmt.Println(f.PTS.Milliseconds())
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestKilled: what was recorded up to a second before plays, though ffmpeg is killed
// with the program.
func TestKilled(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg on this machine (install it to test recordings of a program that is killed)")
	}
	path := filepath.Join(t.TempDir(), "a.mp4")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "RECORD_ENDLESS="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ffmpeg int
	if _, err := fmt.Fscanln(out, &ffmpeg); err != nil {
		t.Fatal(err)
	}
	var last int // ms
	for last < 20_000 {
		if _, err := fmt.Fscanln(out, &last); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := os.FindProcess(ffmpeg); err != nil || p.Kill() != nil {
		t.Errorf("ffmpeg was gone before: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the output has its name, though it is not whole: %v", err)
	}
	got, _, _, _ := levels(t, outfile.PartOf(path))
	// Frames come faster here than in life, so that some are still on their way.
	if want := (last-1000)/100 - 10; len(got) < want {
		t.Errorf("%d frames play, want at least %d", len(got), want)
	}
}

func TestEarlierRecordingStaysUntilTheNewOneIsWhole(t *testing.T) {
	fixed(t)
	path := record(t, Options{FPS: 10}, grey(64, 48, 0), grey(64, 48, 1))
	held := func() int { got, _, _, _ := levels(t, path); return len(got) }
	r, err := New(path, Options{FPS: 10})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if err := r.Show(t.Context(), grey(64, 48, n), nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := held(); n != 2 {
		t.Errorf("while the new one is written the old one holds %d frames", n)
	}
	if _, err := New(path, Options{}); !errors.Is(err, ErrRecord) || !errors.Is(err, outfile.ErrBusy) {
		t.Errorf("a second recording of that name: %v", err)
	}
	part, err := r.Abandon()
	if err != nil || !whole(part) {
		t.Errorf("an abandoned recording: %s, %v", part, err)
	}
	if n := held(); n != 2 {
		t.Errorf("after one that was given up the old one holds %d frames", n)
	}
	if got, _, _, _ := levels(t, part); len(got) != 5 {
		t.Errorf("what was given up holds %d frames", len(got))
	}
}

func TestNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a:b.mp4", "file:c.mp4", "http:d.mp4", "-e.mp4", "pipe:1.mp4", "f%03d.mp4", "ü \"'.mp4", "g.MP4"} {
		for how, hide := range map[string]func(*testing.T){"OpenCV": fixed, "FFmpeg": func(*testing.T) {}} {
			t.Run(name+" "+how, func(t *testing.T) {
				hide(t)
				r, err := New(name, Options{FPS: 10})
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(r.Show(t.Context(), grey(64, 48, 1), nil), r.Close()); err != nil {
					t.Fatal(err)
				}
				if !whole(name) {
					t.Errorf("no video of that name is there")
				}
				if err := os.Remove(name); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if left, _ := os.ReadDir("."); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestVariableRate reads the times back with ffprobe, which is not ours.
func TestVariableRate(t *testing.T) {
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Skip("no ffprobe on this machine (install ffmpeg to test variable rates)")
	}
	at := []float64{0.5, 0.533, 0.567, 1.9, 1.95, 7.25, 7.250_1} // seconds
	var frames []*camera.Frame
	for n, s := range at {
		f := grey(65, 47, n)
		f.PTS = time.Duration(math.Round(s*1e6)) * time.Microsecond
		frames = append(frames, f)
	}
	path := record(t, Options{}, frames...)
	raw, err := exec.CommandContext(t.Context(), probe, "-v", "error", "-select_streams", "v", "-show_entries", "frame=best_effort_timestamp_time", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Frames []struct {
			At string `json:"best_effort_timestamp_time"`
		}
	}
	if err := json.Unmarshal(raw, &said); err != nil || len(said.Frames) != len(at) {
		t.Fatalf("%d frames, want %d (%v): %s", len(said.Frames), len(at), err, raw)
	}
	for n, f := range said.Frames {
		// A file counts in 1/60000 s: a time is off by half of that, and by the tick of the pipe.
		got, err := strconv.ParseFloat(f.At, 64)
		if want := at[n] - at[0]; err != nil || math.Abs(got-want) > 0.5/60000+2e-6 {
			t.Errorf("frame %d is at %s s, want %v (%v)", n, f.At, want, err)
		}
	}
}

// TestFFmpegThatFails: an ffmpeg that cannot start costs the frames' own times, not the
// recording; one that dies is an error of the recording.
func TestFFmpegThatFails(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		says   string // by Show or Close
	}{
		"no encoders":    {"exit 0", ""},
		"broken":         {"echo no >&2; exit 1", ""},
		"dies at once":   {"[ $2 = -encoders ] && echo ' mpeg4 ' && exit 0; echo boom >&2; exit 1", "boom"},
		"dies with time": {"[ $2 = -encoders ] && echo ' mpeg4 ' && exit 0; head -c 20000 >/dev/null; echo boom >&2; exit 1", "boom"},
		"writes nothing": {"[ $2 = -encoders ] && echo ' mpeg4 ' && exit 0; cat >/dev/null", "no end"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			sh, err := exec.LookPath("sh")
			if err != nil {
				t.Skip(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte("#!"+sh+"\n"+tt.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			path := filepath.Join(dir, "a.mp4")
			r, err := New(path, Options{FPS: 10})
			if err != nil {
				t.Fatal(err)
			}
			for n := 0; n < 20 && err == nil; n++ {
				err = r.Show(t.Context(), grey(64, 48, n), nil)
			}
			err = errors.Join(err, r.Close())
			if tt.says == "" {
				if err != nil || !whole(path) {
					t.Errorf("%v", err)
				}
				return
			}
			if !errors.Is(err, ErrRecord) || !strings.Contains(err.Error(), tt.says) || whole(path) {
				t.Errorf("%v, want one that says %q", err, tt.says)
			}
		})
	}
}
