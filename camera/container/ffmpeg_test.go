package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tools are ffmpeg and ffprobe, with an encoder that the tests need.
func tools(t *testing.T, encoder string) (ffmpeg, ffprobe string) {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine (install it to compare with what it reads)")
	}
	if ffprobe, err = exec.LookPath("ffprobe"); err != nil {
		t.Skip("no ffprobe on this machine (install it to compare with what it reads)")
	}
	if out, err := exec.CommandContext(t.Context(), ffmpeg, "-hide_banner", "-encoders").Output(); err != nil || !strings.Contains(string(out), " "+encoder+" ") {
		t.Skipf("this ffmpeg has no encoder %s", encoder)
	}
	return ffmpeg, ffprobe
}

// run runs a tool and returns what it writes.
func run(t *testing.T, tool string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", filepath.Base(tool), strings.Join(args, " "), err)
	}
	return string(out)
}

// open reads the facts of a file.
func open(t *testing.T, path string) Facts {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return Read(f, info.Size())
}

// A maker makes video files from one clip: 90 frames of H.264 with B frames, 25 a second.
type maker struct {
	ffmpeg, ffprobe, dir, clip string
}

func newMaker(t *testing.T) maker {
	m := maker{dir: t.TempDir()}
	m.ffmpeg, m.ffprobe = tools(t, "libx264")
	m.clip = m.file(t, "clip.mp4", "-f lavfi -i testsrc=size=64x48:rate=25 -f lavfi -i sine -t 3.6 -c:v libx264 -bf 3 -g 25 -preset ultrafast -c:a aac")
	return m
}

// file makes a file; CLIP in args stands for the clip.
func (m maker) file(t *testing.T, name, args string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	all := []string{"-v", "error", "-nostdin", "-y"}
	for _, arg := range strings.Fields(args) {
		all = append(all, strings.ReplaceAll(arg, "CLIP", m.clip))
	}
	run(t, m.ffmpeg, append(all, path)...)
	return path
}

// times are the times of the frames that ffprobe decodes, counted from the first.
func (m maker) times(t *testing.T, path string) (all []time.Duration) {
	t.Helper()
	out := run(t, m.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path)
	for _, word := range strings.Fields(out) {
		s, err := strconv.ParseFloat(strings.Trim(word, ","), 64)
		if err != nil {
			t.Fatalf("ffprobe: %q: %v", word, err)
		}
		all = append(all, time.Duration(s*float64(time.Second)))
	}
	for i := range all[1:] {
		all[i+1] -= all[0]
	}
	all[0] = 0
	return all
}

func TestTimesAsFFmpegReadsThem(t *testing.T) {
	m := newMaker(t)
	source := "-f lavfi -i testsrc=size=64x48:rate=25:duration=2 "
	for name, args := range map[string]string{
		"plain.mp4":    "-i CLIP -c copy",
		"plain.mov":    "-i CLIP -c copy",
		"plain.mkv":    "-i CLIP -c copy",
		"plain.ts":     "-i CLIP -c copy",
		"plain.m2ts":   "-i CLIP -c copy",
		"clusters.mkv": "-i CLIP -c copy -cluster_time_limit 100",
		"live.mkv":     "-i CLIP -c copy -live 1",
		"offset.mp4":   "-i CLIP -c copy -output_ts_offset 77",
		"offset.mkv":   "-i CLIP -c copy -output_ts_offset 77",
		"offset.ts":    "-i CLIP -c copy -output_ts_offset 77",
		"wrap.ts":      "-i CLIP -c copy -output_ts_offset 95442",
		"cut.mp4":      "-ss 1.3 -i CLIP -c copy",
		"cut.mkv":      "-ss 1.3 -i CLIP -c copy",
		"cut.ts":       "-ss 1.3 -i CLIP -c copy",
		"negative.mp4": "-ss 1.3 -i CLIP -c copy -movflags negative_cts_offsets",
		"frag.mp4":     "-i CLIP -c copy -movflags frag_keyframe+empty_moov",
		"fragcut.mp4":  "-ss 1.3 -i CLIP -c copy -movflags frag_keyframe+delay_moov",
		"dash.mp4":     "-i CLIP -c copy -movflags dash",
		"vfr.mp4":      source + "-vf setpts='if(gt(N,10),PTS+N*0.03/TB,PTS)' -c:v libx264 -bf 3 -preset ultrafast",
		"vfr.mkv":      source + "-vf setpts='if(gt(N,10),PTS+N*0.03/TB,PTS)' -c:v libx264 -bf 3 -preset ultrafast",
		"mpeg2.ts":     source + "-c:v mpeg2video -bf 2",
		"one.mp4":      source + "-frames:v 1 -c:v libx264",
	} {
		t.Run(name, func(t *testing.T) {
			path := m.file(t, name, args)
			got, want := open(t, path), m.times(t, path)
			want = want[max(0, len(want)-mostLast):]
			if len(got.Last) != len(want) || got.Short || got.Turn != 0 {
				t.Fatalf("%d times, short %v, turn %d; want %d times", len(got.Last), got.Short, got.Turn, len(want))
			}
			for i, at := range got.Last {
				// ffprobe rounds to microseconds, Matroska to milliseconds.
				if off := (at - want[i]).Abs(); off > 1100*time.Microsecond {
					t.Fatalf("time %d of %d: %v, ffprobe %v", i, len(want), at, want[i])
				}
			}
		})
	}
}

func TestTurnAsFFmpegReadsIt(t *testing.T) {
	m := newMaker(t)
	for _, name := range []string{"0", "90", "180", "270"} {
		path := m.file(t, "turn"+name+".mp4", "-i CLIP -c copy -metadata:s:v rotate="+name)
		out := strings.Trim(run(t, m.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", "stream_side_data=rotation", "-of", "csv=p=0", path), ",\n ")
		if out == "" {
			out = "0"
		}
		counterclockwise, err := strconv.Atoi(out)
		if err != nil {
			t.Fatalf("ffprobe: %q: %v", out, err)
		}
		if got, want := open(t, path).Turn, (360-counterclockwise)%360; got != want {
			t.Errorf("rotate=%s: %d degrees clockwise, ffprobe says %d counterclockwise", name, got, counterclockwise)
		}
	}
}

func TestShortAsCut(t *testing.T) {
	m := newMaker(t)
	for name, args := range map[string]string{
		"whole.mp4":  "-i CLIP -c copy",
		"whole.mkv":  "-i CLIP -c copy",
		"frag.mp4":   "-i CLIP -c copy -movflags frag_keyframe+empty_moov",
		"whole.avi":  "-i CLIP -c:v mpeg4 -an",
		"whole.webm": "-f lavfi -i testsrc=size=64x48:rate=25:duration=1 -c:v libvpx",
	} {
		path := m.file(t, name, args)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(whole); got.Short {
			t.Errorf("%s: short", name)
		}
		if got := read(whole[:len(whole)*2/3]); !got.Short || got.Last != nil {
			t.Errorf("two thirds of %s: %+v", name, got)
		}
	}
}
