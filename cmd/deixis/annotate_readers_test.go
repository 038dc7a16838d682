package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"deixis/pipeline/annotate"
)

var readVideo = flag.String("readers-video", "../../assets/demo.mp4", "what TestForeignReaders annotates")

// A readBox is a box as a reader tells of it; Track is -1 where its format has none.
type readBox struct {
	Phrase       string
	Track, Frame int
	Box          [4]float64 // corners, pixels
}

func (b readBox) String() string { return fmt.Sprintf("%06d %s %04d", b.Frame, b.Phrase, b.Track) }

// readBy runs a reader that is not ours, which prints a list a line.
func readBy(t *testing.T, python string, args ...string) []readBox {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, append([]string{"../../pipeline/annotate/testdata/read.py"}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join("..", "..", "trainer"))
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, &errs)
	}
	var all []readBox
	for line := range strings.Lines(string(out)) {
		var row [7]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		n := func(i int) float64 { return row[i].(float64) }
		all = append(all, readBox{row[0].(string), int(n(1)), int(n(2)), [4]float64{n(3), n(4), n(5), n(6)}})
	}
	return all
}

// sameBoxes compares what a reader sees with what the events say; every side within so
// many pixels.
func sameBoxes(t *testing.T, got, want []readBox, within float64) (worst float64) {
	t.Helper()
	if len(got) > 0 && got[0].Track < 0 {
		want = slices.Clone(want)
		for i := range want {
			want[i].Track = -1
		}
	}
	byPlace := func(a, b readBox) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(got, byPlace)
	slices.SortFunc(want, byPlace)
	if len(got) != len(want) {
		t.Fatalf("%d boxes, want %d", len(got), len(want))
	}
	for i, w := range want {
		for k := range w.Box {
			worst = max(worst, math.Abs(got[i].Box[k]-w.Box[k]))
		}
		if got[i].String() != w.String() || worst > within {
			t.Fatalf("%+v, want %+v within %v", got[i], w, within)
		}
	}
	return worst
}

// rounded is how far a side may be off by being written: events round to a tenth of a
// pixel, label files to a hundredth, and there a far side is the sum of two.
const rounded = 0.05 + 0.005 + 0.005 + 0.001

// TestForeignReaders annotates a recording in every format, and lets programs of others
// read it: each box of each frame must be where the events say.
func TestForeignReaders(t *testing.T) {
	noDesktop(t)
	b := network(t)
	python := os.Getenv("DEIXIS_READERS")
	if python == "" {
		python = "../../.venv/readers/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("no readers of other projects on this machine (make .venv/.readers)")
	}
	dir := t.TempDir()
	must(t, "annotate", *readVideo, "-p", "person in the red jacket; woman with a white bag; leftmost person", "--every", "2",
		"--format", "jsonl,csv,coco,cvat,labelstudio,mot,webvtt,datumaro,yolo,refs", "--out", dir, "--bundle", b.Dir, "--log-level", "error")
	base := filepath.Join(dir, nameOfFile(*readVideo))
	var want []readBox
	var size []int
	for _, e := range eventsOf(t, read(t, base+".jsonl")) {
		size = e.Size[:]
		if e.Box != nil {
			want = append(want, readBox{e.Phrase, e.Track, int(e.Seq) - 1, [4]float64{float64(e.Box[0]), float64(e.Box[1]), float64(e.Box[2]), float64(e.Box[3])}})
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing was found")
	}
	pictures, err := os.ReadDir(filepath.Join(base+".yolo", "images", "train"))
	if err != nil {
		t.Fatal(err)
	}
	stills := map[int]bool{}
	for _, p := range pictures {
		n, err := strconv.Atoi(strings.TrimSuffix(p.Name(), ".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		stills[n] = true
	}
	onStills := slices.DeleteFunc(slices.Clone(want), func(b readBox) bool { return !stills[b.Frame] })
	trainer := "../../.venv/bin/python"
	for _, tt := range []struct {
		name, python string
		args         []string
		want         []readBox
		within       float64
	}{
		{"COCO by pycocotools", python, []string{"coco", base + ".coco.json"}, want, rounded},
		{"COCO by datumaro", python, []string{"coco_instances", base + ".coco.json"}, want, rounded},
		{"CVAT by datumaro", python, []string{"cvat", base + ".cvat.xml"}, want, annotate.Tolerance + rounded},
		{"Label Studio by label-studio-sdk", python, []string{"labelstudio", base + ".labelstudio.json", base + ".labelstudio.xml", fmt.Sprintf("%dx%d", size[0], size[1])}, want, annotate.Tolerance + rounded},
		{"MOT by datumaro", python, []string{"mot_seq", base + ".mot.zip"}, want, rounded},
		{"Datumaro by datumaro", python, []string{"datumaro", base + ".datumaro.zip"}, want, rounded},
		{"YOLO by datumaro", python, []string{"yolo", base + ".yolo"}, onStills, rounded},
		{"WebVTT by webvtt-py", python, []string{"webvtt_frames", base + ".vtt", "10"}, want, rounded},
		{"refs.jsonl by the trainer", trainer, []string{"refs", base + ".refs"}, onStills, rounded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := os.Stat(tt.python); err != nil {
				t.Skip(err)
			}
			got := readBy(t, tt.python, tt.args...)
			t.Logf("%d boxes, worst %.3f pixels", len(got), sameBoxes(t, got, tt.want, tt.within))
		})
	}
	t.Run("WebVTT by Chromium", func(t *testing.T) { readByChromium(t, base+".vtt", want) })
}

func nameOfFile(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// readByChromium loads a metadata track into a browser, and compares its cues.
func readByChromium(t *testing.T, file string, want []readBox) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine")
	}
	served := http.NewServeMux()
	served.HandleFunc("/a.vtt", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/vtt")
		http.ServeFile(w, r, file)
	})
	served.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><video><track kind="metadata" src="/a.vtt" default></video>`)
	})
	web := httptest.NewServer(served)
	defer web.Close()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	defer chromedp.Cancel(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(web.URL)); err != nil {
		t.Fatal(err)
	}
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[string](`new Promise((good, bad) => {
		const track = document.querySelector("track")
		const tell = () => good(JSON.stringify([...track.track.cues].map(c => [c.startTime, c.endTime, c.text])))
		track.addEventListener("error", () => bad(new Error("the track does not load")))
		track.addEventListener("load", tell)
		track.track.mode = "hidden"
		if (track.readyState === 2) tell()
	})`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var cues [][3]any
	if err := json.Unmarshal([]byte(raw), &cues); err != nil {
		t.Fatal(err)
	}
	var got []readBox
	for _, c := range cues {
		var said struct {
			Phrase string
			Track  int
			XYWH   [4]float64
		}
		if err := json.Unmarshal([]byte(c[2].(string)), &said); err != nil {
			t.Fatal(err)
		}
		if c[0].(float64) >= c[1].(float64) {
			t.Errorf("a cue from %v to %v", c[0], c[1])
		}
		x, y := said.XYWH[0], said.XYWH[1]
		got = append(got, readBox{said.Phrase, said.Track, int(math.Round(10 * c[0].(float64))), [4]float64{x, y, x + said.XYWH[2], y + said.XYWH[3]}})
	}
	t.Logf("%d boxes, worst %.3f pixels", len(got), sameBoxes(t, got, want, rounded))
}

// TestHOTA: by a scorer that is not ours, tracks of the whole recording are better than
// the live lock, and that than answers as they are.
func TestHOTA(t *testing.T) {
	python := os.Getenv("DEIXIS_SCORERS")
	if python == "" {
		python = "../../.venv/scorers/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("no trackeval on this machine (make .venv/.readers)")
	}
	dir := t.TempDir()
	must(t, "bench", "tracks", "--seconds", "8", "--mot", dir)
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "internal/bench/testdata/hota.py", dir)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	type score struct{ HOTA, IDF1 float64 }
	var last struct {
		Scene string
		Raw   score `json:"raw/phrase"`
		Lock  score `json:"lock/phrase"`
		Whole score `json:"whole/phrase"`
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Scene != "all" || len(lines) < 4 {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%+v", last)
	if !(last.Raw.HOTA < last.Lock.HOTA && last.Lock.HOTA < last.Whole.HOTA && last.Raw.IDF1 < last.Lock.IDF1 && last.Lock.IDF1 < last.Whole.IDF1) {
		t.Errorf("%+v", last)
	}
}
