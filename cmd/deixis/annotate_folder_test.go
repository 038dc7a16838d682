package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
)

// filmed is a video that ffmpeg makes of args; the test is skipped where it is not there.
func filmed(t *testing.T, path, args string) {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine")
	}
	cmd := exec.CommandContext(t.Context(), ffmpeg, append(strings.Fields("-v error -nostdin -y "+args), path)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", args, err, said)
	}
}

// lay makes an MP4 say that its picture lies on its side, as a phone's does: a quarter
// turn in the matrix of its track (ISO/IEC 14496-12, 8.3.2), 16.16 fixed point.
func lay(t *testing.T, file string) {
	t.Helper()
	raw := []byte(read(t, file))
	at := bytes.Index(raw, []byte("tkhd"))
	if at < 0 {
		t.Fatal("the file has no track")
	}
	const matrix = 4 + 4 + 20 + 8 + 8 // after the name: version, times and number, reserved, layer and volume
	for i, v := range []int32{0, 1 << 16, 0, -1 << 16, 0, 0} {
		binary.BigEndian.PutUint32(raw[at+matrix+4*i:], uint32(v))
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAnnotateFolder: of a folder with good and bad in it, the good is annotated, and the
// bad is named in a line each.
func TestAnnotateFolder(t *testing.T) {
	b := network(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	const scene = "-f lavfi -i testsrc2=size=96x64:rate=10:duration=2 "
	filmed(t, in("plain.mp4"), scene+"-c:v mpeg4")
	filmed(t, in("phone.mp4"), scene+"-c:v mpeg4")
	lay(t, in("phone.mp4"))
	filmed(t, in("rate.mkv"), scene+"-vf select='not(mod(n\\,3))+eq(n\\,1)' -fps_mode vfr -c:v mpeg4")
	filmed(t, in("whole.mp4"), scene+"-c:v mjpeg -movflags +faststart")
	whole := read(t, in("whole.mp4"))
	for name, holds := range map[string]string{"zero.mp4": "", "text.mp4": "this is a text\n", "cut.mp4": whole[:len(whole)*3/5], "notes.txt": "no video"} {
		if err := os.WriteFile(in(name), []byte(holds), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(in("photos"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.png", "b.jpg"} {
		ref, err := camera.Parse("pattern://80x60?frames=1")
		if err != nil {
			t.Fatal(err)
		}
		var f camera.Frame
		if err := camera.NewPattern(ref).Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		if err := opencv.WriteImage(in("photos/"+name), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("photos/c.jpg"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out") // within the folder that is annotated
	args := []string{"annotate", dir, "-p", "red square", "--format", "jsonl", "--out", out, "--bundle", b.Dir}
	for range 2 { // the second time nothing is done, and the same is said
		code, said, errs := deixis(t, args...)
		if code != app.ExitInput || !strings.Contains(errs, "4 of 8 inputs are broken") {
			t.Errorf("code %d\n%s", code, errs)
		}
		for _, bad := range []string{"zero.mp4", "text.mp4", "cut.mp4", "c.jpg"} {
			if n := strings.Count(strings.ReplaceAll(errs, `msg="picture passed over"`, ""), `msg="an input is broken"`); n != 4 || !strings.Contains(errs, bad) {
				t.Errorf("%s: %d inputs are said to be broken\n%s", bad, n, errs)
			}
		}
		for _, good := range []string{"plain", "phone", "rate", "whole", "cut", "photos"} {
			if !strings.Contains(said, filepath.Join(out, good)+" ") {
				t.Errorf("the summary lacks %s\n%s", good, said)
			}
		}
	}
	for name, want := range map[string]struct {
		frames        int
		width, height int
		last          float64 // seconds
	}{
		"plain": {20, 96, 64, 1.9}, "phone": {20, 64, 96, 1.9}, "rate": {8, 96, 64, 1.8}, "whole": {20, 96, 64, 1.9}, "photos": {2, 80, 60, 1},
	} {
		es := eventsOf(t, read(t, filepath.Join(out, name+".jsonl")))
		if last := es[len(es)-1]; len(es) != want.frames || last.Size != [2]int{want.width, want.height} || last.PTS < want.last-0.001 || last.PTS > want.last+0.001 {
			t.Errorf("%s: %d events, the last %+v, want %+v", name, len(es), last, want)
		}
	}
	if es := eventsOf(t, read(t, filepath.Join(out, "cut.jsonl"))); len(es) < 5 || len(es) > 15 {
		t.Errorf("of a video that was cut at three fifths %d of 20 frames are annotated", len(es))
	}
	if all := read(t, filepath.Join(out, "run.json")); !strings.Contains(all, "frames up to second") {
		t.Errorf("run.json does not say where the video breaks off\n%s", all)
	}
}
