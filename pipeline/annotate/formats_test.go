package annotate_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	"deixis/pipeline/annotate/webvtt"
	"deixis/pipeline/track"
)

// readers is a Python with pycocotools, datumaro, webvtt-py and label-studio-sdk.
func readers(t *testing.T) string {
	t.Helper()
	python := os.Getenv("DEIXIS_READERS")
	if python == "" {
		python = filepath.Join("..", "..", ".venv", "readers", "bin", "python")
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("no readers of other projects on this machine (make .venv/.readers)")
	}
	return python
}

// found is a video of 60 frames at a varying rate with three phrases: things that
// move in curves, one that is hidden for a while, one that is seen once, and one until
// the end.
func found() *annotate.Video {
	phrases := []string{"the red cup", `the "man" & <dog> → left, -->`, "der größte Hund"}
	every := annotate.Settings{Path: track.DefaultPathRules} // nothing filled, nothing left out
	c := annotate.NewCollector("clip", "clip one.mp4", phrases, every, nil)
	f := camera.Frame{Width: 640, Height: 480}
	for n := range 60 {
		s := float64(n)
		f.Seq, f.PTS = uint64(n+1), time.Second+time.Duration(1e9*(s/25+0.01*math.Sin(s)))
		answers := make([]model.Answer, 3)
		add := func(phrase int, x, y, size float64) {
			box := model.Box{X1: float32(x), Y1: float32(y), X2: float32(x + size), Y2: float32(y + 0.8*size)}
			answers[phrase] = model.Answer{Phrase: phrases[phrase], Present: true, Presence: 0.9, Boxes: []model.Box{box}, Scores: []float32{float32(0.5 + s/200)}}
		}
		if n < 20 || n >= 31 {
			add(0, 100+3*s, 80+40*math.Sin(s/9), 60+s/3)
		}
		switch {
		case n == 7:
			add(1, 500, 300, 20.125)
		case n >= 40:
			add(1, 300-s*s/20, 200, 90)
		}
		if n%3 != 2 {
			add(2, 20+s, 20+0.37*s, 33.3)
		}
		c.Take(&f, answers)
	}
	v, _ := c.Video() // memory does not fail
	return v
}

// A seen is a box as a reader sees it.
type seen struct {
	Label string
	Track int
	Frame int
	Box   [4]float64 // corners, pixels
}

// truth is what a reader should see, by frame and track.
func truth(v *annotate.Video, name func(phrase int) string) []seen {
	var all []seen
	v.ByFrame(func(p annotate.Placed) error {
		all = append(all, seen{name(p.Phrase), p.ID, p.Box.Frame, [4]float64{float64(p.X1), float64(p.Y1), float64(p.X2), float64(p.Y2)}})
		return nil
	})
	return all
}

// save writes v into a file.
func save(t *testing.T, v *annotate.Video, name string, write func(io.Writer, *annotate.Video) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, v); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// foreign runs the reader of a format, which prints a JSON list a line.
func foreign(t *testing.T, args ...string) [][]any {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), readers(t), append([]string{filepath.Join("testdata", "read.py")}, args...)...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &errs)
	}
	var all [][]any
	for line := range strings.Lines(string(out)) {
		var row []any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, row)
	}
	return all
}

// boxesOf are rows of label, track, frame and four corners.
func boxesOf(rows [][]any) []seen {
	var all []seen
	for _, r := range rows {
		n := func(i int) float64 { return r[i].(float64) }
		all = append(all, seen{r[0].(string), int(n(1)), int(n(2)), [4]float64{n(3), n(4), n(5), n(6)}})
	}
	slices.SortFunc(all, func(a, b seen) int {
		if a.Frame != b.Frame {
			return a.Frame - b.Frame
		}
		return a.Track - b.Track
	})
	return all
}

// same compares what was seen with the truth, each side within so many pixels.
func same(t *testing.T, got, want []seen, within float64) {
	t.Helper()
	slices.SortFunc(want, func(a, b seen) int {
		if a.Frame != b.Frame {
			return a.Frame - b.Frame
		}
		return a.Track - b.Track
	})
	if len(got) != len(want) {
		t.Fatalf("%d boxes, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Label != w.Label || g.Track != w.Track || g.Frame != w.Frame {
			t.Fatalf("box %d is %+v, want %+v", i, g, w)
		}
		for k := range w.Box {
			if math.Abs(g.Box[k]-w.Box[k]) > within {
				t.Fatalf("box %d is %+v, want %+v within %v", i, g, w, within)
			}
		}
	}
}

// A side is written to a hundredth of a pixel, and a width is the difference of two.
const written = 0.011

func TestForeignReaders(t *testing.T) {
	v := found()
	phrase := func(n int) string { return v.Phrases[n] }
	words := func(n int) string { return strings.Join(strings.Fields(v.Phrases[n]), " ") }
	for name, tt := range map[string]struct {
		kind, file string
		write      func(io.Writer, *annotate.Video) error
		label      func(int) string
		within     float64
	}{
		"COCO by pycocotools":  {"coco", "a.json", coco.Write, phrase, written},
		"COCO by datumaro":     {"coco_instances", "a.json", coco.Write, phrase, written},
		"CVAT by datumaro":     {"cvat", "a.xml", cvat.Write, func(n int) string { return cvat.Labels(v.Phrases)[n] }, annotate.Tolerance + written},
		"MOT by datumaro":      {"mot_seq", "a.zip", mot.Write, words, 2 * written},
		"Datumaro by datumaro": {"datumaro", "a.zip", datumaro.Write, phrase, written},
	} {
		t.Run(name, func(t *testing.T) {
			rows := foreign(t, tt.kind, save(t, v, tt.file, tt.write))
			want := truth(v, tt.label)
			got := boxesOf(rows)
			if tt.kind == "coco_instances" || tt.kind == "mot_seq" { // datumaro leaves tracks out of these
				for i := range want {
					if i < len(got) && got[i].Track < 0 {
						want[i].Track = -1
					}
				}
				byPlace(got)
				byPlace(want)
			}
			same(t, got, want, tt.within)
		})
	}
	t.Run("Label Studio by its SDK", func(t *testing.T) {
		rows := foreign(t, "labelstudio", save(t, v, "a.json", labelstudio.Write), save(t, v, "a.xml", labelstudio.WriteConfig), fmt.Sprintf("%dx%d", v.Width, v.Height))
		same(t, boxesOf(rows), truth(v, phrase), annotate.Tolerance+written)
	})
	t.Run("WebVTT by webvtt-py", func(t *testing.T) {
		rows := foreign(t, "webvtt", save(t, v, "a.vtt", webvtt.Write))
		want := truth(v, phrase)
		if len(rows) != len(want) {
			t.Fatalf("%d cues, want %d", len(rows), len(want))
		}
		for i, w := range want {
			r := rows[i]
			start, end := v.Frames[w.Frame].At, v.End(w.Frame)
			if r[0] != w.Label || int(r[1].(float64)) != w.Track || r[7] != stamp(start) || r[8] != stamp(end) || math.Abs(r[3].(float64)-w.Box[0]) > written {
				t.Fatalf("cue %d is %v, want %+v from %v to %v", i, r, w, start, end)
			}
		}
	})
}

// byPlace sorts boxes of which the track is not known.
func byPlace(all []seen) {
	slices.SortFunc(all, func(a, b seen) int {
		switch {
		case a.Frame != b.Frame:
			return a.Frame - b.Frame
		case a.Track != b.Track:
			return a.Track - b.Track
		}
		return strings.Compare(a.Label, b.Label)
	})
}

func stamp(d time.Duration) string {
	ms := d.Round(time.Millisecond)
	return fmt.Sprintf("%02d:%02d:%06.3f", int(ms.Hours()), int(ms.Minutes())%60, (ms % time.Minute).Seconds())
}

func TestCSV(t *testing.T) {
	v := found()
	var b bytes.Buffer
	if err := csv.Write(&b, v); err != nil {
		t.Fatal(err)
	}
	rows, err := stdcsv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := truth(v, func(n int) string { return v.Phrases[n] })
	if len(rows) != len(want)+1 {
		t.Fatalf("%d lines, want %d and a header", len(rows), len(want))
	}
	for i, w := range want {
		r := rows[i+1]
		x1, err := strconv.ParseFloat(r[6], 64)
		if err != nil || r[4] != w.Label || r[5] != strconv.Itoa(w.Track) || r[2] != strconv.Itoa(w.Frame) || math.Abs(x1-w.Box[0]) > written {
			t.Errorf("line %d is %q, want %+v", i+2, r, w)
		}
	}
}

// TestSameBytes: the same video makes the same file.
func TestSameBytes(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *annotate.Video) error{
		"jsonl": jsonl.Write, "csv": csv.Write, "coco": coco.Write, "cvat": cvat.Write, "labels": cvat.WriteLabels, "labelstudio": labelstudio.Write,
		"config": labelstudio.WriteConfig, "mot": mot.Write, "webvtt": webvtt.Write, "datumaro": datumaro.Write,
	} {
		var a, b, none bytes.Buffer
		if err := write(&a, found()); err != nil {
			t.Fatal(err)
		}
		if err := write(&b, found()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two runs differ", name)
		}
		empty, _ := annotate.NewCollector("n", "n.mp4", nil, annotate.DefaultSettings, nil).Video()
		if err := write(&none, empty); err != nil {
			t.Errorf("%s of a video without a frame: %v", name, err)
		}
		for room := range 3 { // a disk that is full soon
			if err := write(&full{room * 40}, found()); err == nil {
				t.Errorf("%s: a full disk after %d bytes is not told", name, room*40)
			}
		}
	}
}

// full is a disk with so many bytes left.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
