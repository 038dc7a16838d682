package record

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"deixis/camera"
)

// ffmpegMakes runs ffmpeg; the test is skipped where it is not installed.
func ffmpegMakes(t *testing.T, path, args string) string {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine")
	}
	cmd := exec.CommandContext(t.Context(), program, append(strings.Fields("-v error -nostdin -y "+args), path)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", args, err, said)
	}
	return path
}

// TestSound: the sound of a source goes with its pictures, wherever its times begin, and
// however long it is.
func TestSound(t *testing.T) {
	dir := t.TempDir()
	// Silence, and a tone from second 2 on.
	tone := "-f lavfi -i aevalsrc='0.5*sin(2000*t)*gte(t\\,2)':s=48000:d=4 -f lavfi -i color=red:s=64x48:r=10:d=4 "
	for name, tt := range map[string]struct {
		file string
		at   time.Duration // of the tone, from the first picture
	}{
		"both from zero":       {ffmpegMakes(t, filepath.Join(dir, "a.mp4"), tone+"-c:a aac -c:v mpeg4"), 2 * time.Second},
		"a codec for no MP4":   {ffmpegMakes(t, filepath.Join(dir, "b.mkv"), tone+"-c:a pcm_s16le -c:v mpeg4"), 2 * time.Second},
		"times from 7 on":      {ffmpegMakes(t, filepath.Join(dir, "c.ts"), tone+"-c:a mp2 -c:v mpeg2video -output_ts_offset 7"), 2 * time.Second},
		"pictures later":       {ffmpegMakes(t, filepath.Join(dir, "d.mkv"), strings.Replace(tone, "-f lavfi -i color", "-itsoffset 0.5 -f lavfi -i color", 1)+"-c:a aac -c:v mpeg4"), 1500 * time.Millisecond},
		"a colon in its name":  {ffmpegMakes(t, filepath.Join(dir, "e:f.mkv"), tone+"-c:a aac -c:v mpeg4"), 2 * time.Second},
		"shorter than picture": {ffmpegMakes(t, filepath.Join(dir, "g.mkv"), strings.Replace(tone, "d=4 -f", "d=2.5 -f", 1)+"-c:a aac -c:v mpeg4"), 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.mp4")
			r, err := New(out, Options{FPS: 10, Sound: tt.file})
			if err != nil {
				t.Fatal(err)
			}
			var f camera.Frame
			f.Resize(64, 48)
			for n := range 40 {
				f.PTS = time.Duration(n) * 100 * time.Millisecond
				if err := r.Show(t.Context(), &f, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if at := toneAt(t, out); at < tt.at-audioFrame || at > tt.at+audioFrame {
				t.Errorf("the tone is at %v, want %v", at, tt.at)
			}
			times, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0", out).Output()
			if err != nil {
				t.Fatal(err)
			}
			for n, at := range strings.Fields(strings.ReplaceAll(string(times), ",", " ")) {
				if s, err := strconv.ParseFloat(at, 64); err != nil || s < float64(n)/10-0.001 || s > float64(n)/10+0.001 { // ffprobe and the file round
					t.Errorf("picture %d is at %s", n, at)
				}
			}
			frames, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", out).Output()
			if err != nil || strings.TrimSpace(string(frames)) != "40" {
				t.Errorf("%s frames, %v", frames, err)
			}
		})
	}
}

// audioFrame is how long a packet of sound may be: MPEG-1 layer 2 has 1152 samples, AAC
// 1024, and an encoder may begin with one of silence. It is cut between packets only.
const audioFrame = 3 * 1152 * time.Second / 48000

// toneAt is when the tone begins.
func toneAt(t *testing.T, file string) time.Duration {
	t.Helper()
	raw, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-f", "s16le", "-ac", "1", "-ar", "8000", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]int16, len(raw)/2)
	if err := binary.Read(bytes.NewReader(raw[:2*len(samples)]), binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	loud := slices.IndexFunc(samples, func(s int16) bool { return s > 8000 || s < -8000 })
	return time.Duration(loud) * time.Second / 8000
}

func TestNoSound(t *testing.T) {
	if got := soundOf("/nowhere/ffmpeg", "a.mp4"); !slices.Equal(got, []string{"-an"}) {
		t.Error(got)
	}
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine")
	}
	silent := ffmpegMakes(t, filepath.Join(t.TempDir(), "a.mp4"), "-f lavfi -i color=red:s=64x48:r=10:d=1 -c:v mpeg4")
	for _, file := range []string{"", "gone.mp4", silent} {
		if got := soundOf(program, file); !slices.Equal(got, []string{"-an"}) {
			t.Errorf("%q: %q", file, got)
		}
	}
}
