package annotate_test

import (
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline/annotate"
	"deixis/pipeline/annotate/coco"
	"deixis/pipeline/annotate/csv"
	"deixis/pipeline/annotate/cvat"
	"deixis/pipeline/annotate/datumaro"
	"deixis/pipeline/annotate/jsonl"
	"deixis/pipeline/annotate/labelstudio"
	"deixis/pipeline/annotate/mot"
	"deixis/pipeline/annotate/segment"
	"deixis/pipeline/annotate/webvtt"
)

var hours = flag.Float64("hours", 0.01, "how long the recording of TestMemory is")

// most is how much memory ten hours with ten phrases may take.
const most = 1536 << 20

// TestMemory annotates a long recording at 25 frames a second with ten phrases, by
// answers that are made up: the program may never hold more than most.
func TestMemory(t *testing.T) {
	var phrases []string
	for i := range 10 {
		phrases = append(phrases, "the thing with the number "+strconv.Itoa(i))
	}
	kept, err := segment.Open(filepath.Join(t.TempDir(), "s"), "k", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := annotate.NewCollector("long", "long.mp4", phrases, annotate.DefaultSettings, kept)
	f := camera.Frame{Width: 1280, Height: 720, Pix: make([]byte, 3*1280*720), File: "long.mp4"}
	frames := int(*hours * 3600 * 25)
	answers := make([]model.Answer, len(phrases))
	for n := range frames {
		f.Seq, f.PTS = uint64(n+1), time.Duration(n)*40*time.Millisecond
		for i := range answers {
			x := float32(600 + 500*math.Sin(float64(n)/(100+float64(i))))
			a := model.Answer{Phrase: phrases[i], Present: n/700%9 != i%9, Presence: 0.9}
			if !a.Present {
				a.Presence = 0.1
			}
			for k := range annotate.Candidates {
				a.Boxes = append(a.Boxes, model.Box{X1: x + float32(30*k), Y1: 100, X2: x + float32(30*k) + 80, Y2: 250})
				a.Scores = append(a.Scores, 0.8/float32(k+1))
			}
			answers[i] = a
		}
		if err := c.Take(&f, answers); err != nil {
			t.Fatal(err)
		}
	}
	if err := kept.Finish(segment.End{}); err != nil {
		t.Fatal(err)
	}
	v, err := c.Video()
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(io.Writer, *annotate.Video) error{
		"jsonl": jsonl.Write, "csv": csv.Write, "coco": coco.Write, "cvat": cvat.Write, "labelstudio": labelstudio.Write, "mot": mot.Write,
		"webvtt": webvtt.Write, "datumaro": datumaro.Write,
	} {
		start := time.Now()
		if err := write(io.Discard, v); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s after %v: at most %d MiB so far", name, time.Since(start).Round(time.Millisecond), highest(t)>>20)
	}
	boxes := 0
	for i := range v.Tracks {
		boxes += len(v.Tracks[i].Boxes)
	}
	t.Logf("%d frames, %d tracks, %d boxes, at most %d MiB", frames, len(v.Tracks), boxes, highest(t)>>20)
	if got := highest(t); got > most {
		t.Errorf("it held %d MiB", got>>20)
	}
}

// highest is how much memory this process has held at most, bytes; 0 where the system
// does not tell.
func highest(t *testing.T) int64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	return 0
}
