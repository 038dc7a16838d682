package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench"
	"deixis/pipeline/track"
)

func TestPoint(t *testing.T) {
	b, pic := network(t), picture(t)
	drawn := filepath.Join(t.TempDir(), "drawn.png")
	out := must(t, "point", pic, "red square, the left one", "green disc", "--json", "--bundle", b.Dir, "--out", drawn)
	var found []json.RawMessage
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found) != 2 {
		t.Fatalf("%s: %v", out, err)
	}
	wantKeys(t, string(found[0]), "phrase", "present", "box", "score", "margin", "others", "size", "ms")
	var one struct {
		Phrase  string
		Present bool
		Box     []float64
		Others  [][]float64
		Size    [2]int
		MS      map[string]float64
	}
	if err := json.Unmarshal(found[0], &one); err != nil {
		t.Fatal(err)
	}
	if one.Phrase != "red square, the left one" || one.Size != [2]int{200, 100} || one.Present != (len(one.Box) == 4) || one.Others == nil {
		t.Errorf("answer %s", found[0])
	}
	if len(one.MS) != 3 || one.MS["frame"] <= 0 || one.MS["ground"] <= 0 {
		t.Errorf("ms %v", one.MS)
	}
	var f camera.Frame
	if err := opencv.ReadImage(drawn, &f); err != nil || f.Width != 200 {
		t.Errorf("--out: %v, %d pixels wide", err, f.Width)
	}
	if out := must(t, "point", pic, "red square", "--bundle", b.Dir); strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "red square: ") {
		t.Errorf("for people: %q", out)
	}
	if code, _, errs := deixis(t, "point", pic, "cup", "--bundle", b.Dir, "--out", filepath.Join(t.TempDir(), "drawn")); code != app.ExitFailed || !strings.Contains(errs, ".png") {
		t.Errorf("--out without extension: code %d, %s", code, errs)
	}
	before := read(t, pic)
	if code, _, errs := deixis(t, "point", pic, "cup", "--bundle", b.Dir, "--out", pic); code != app.ExitUsage || !strings.Contains(errs, "source itself") || read(t, pic) != before {
		t.Errorf("--out over the picture: code %d, %s", code, errs)
	}
	if code, _, errs := deixis(t, "point", pic, "cup", "--bundle", b.Dir, "--out", filepath.Join("no", "such", "a.png")); code != app.ExitFailed || !strings.Contains(errs, "a.png") {
		t.Errorf("--out to nowhere: code %d, %s", code, errs)
	}
	many := append([]string{"point", pic, "--json", "--bundle", b.Dir}, slices.Repeat([]string{"cup"}, b.Limits.MaxPhrases+1)...)
	if err := json.Unmarshal([]byte(must(t, many...)), &found); err != nil || len(found) != b.Limits.MaxPhrases+1 {
		t.Errorf("%d answers to %d phrases: %v", len(found), b.Limits.MaxPhrases+1, err)
	}
}

func TestBundle(t *testing.T) {
	b := network(t)
	if out := must(t, "bundle", "info", b.Dir); !strings.Contains(out, b.Name) || !strings.Contains(out, "phrase.onnx") {
		t.Errorf("info prints %q", out)
	}
	wantKeys(t, must(t, "bundle", "info", "--json", "--bundle", b.Dir), keys(t, read(t, b.Path("bundle.json")))...)
	if out := must(t, "bundle", "verify", b.Dir); strings.Count(out, "ok ") != len(b.Contents()) {
		t.Errorf("verify prints %q", out)
	}
	broken := t.TempDir()
	for _, name := range []string{"bundle.json", b.Limits.Tokenizer} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte(read(t, b.Path(name))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := deixis(t, "bundle", "verify", broken)
	if code != app.ExitModel || strings.Count(errs, "\n") != 1 || !strings.Contains(out, "BROKEN") || !strings.Contains(out, "ok ") {
		t.Errorf("of a broken one: code %d, %q, %q", code, out, errs)
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestDoctor(t *testing.T) {
	b := network(t)
	out := must(t, "doctor", "--json", "--bundle", b.Dir)
	wantKeys(t, out, "ok", "checks")
	var said struct{ Checks []check }
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range said.Checks {
		names = append(names, c.Name)
		if c.Says == "" || (c.State != "ok") != (c.Do != "") {
			t.Errorf("check %+v", c)
		}
	}
	want := []string{"program", "opencv", "onnxruntime", "tensorrt", "cuda", "cpu", "bundle", "network", "bundle ca2m-edge-fast", "cameras", "display", "mp4", "microphones", "speech"}
	if !slices.Equal(names, want) {
		t.Errorf("checks %v, want %v", names, want)
	}
	out = must(t, "doctor", "--bundle", "ca2m-edge-fast")
	for _, want := range []string{"ok    bundle       ca2m-edge-fast of", "another, for --bundle ca2m-edge: 384 x 384 pixels, one picture"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor --bundle ca2m-edge-fast does not say %q:\n%s", want, out)
		}
	}
	out = must(t, "doctor", "--bundle", b.Dir, "-p", "the red cup; the cup that is not red", "-p", "die rote Tasse neben dem Fenster")
	for _, want := range []string{`ok    phrase "the red cup"`, "negation is not understood", "does not look like English"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not say %q:\n%s", want, out)
		}
	}
	code, out, errs := deixis(t, "doctor", "--bundle", t.TempDir())
	if code != app.ExitModel || !strings.Contains(out, "fail  bundle") || errs != "deixis: doctor: to be mended: bundle\n" {
		t.Errorf("without a bundle: code %d, %q, %q", code, out, errs)
	}
}

func TestBench(t *testing.T) {
	b := network(t)
	out := must(t, "bench", "pattern://64x48?frames=5", "--json", "--seconds", "0.4", "--rounds", "1", "--python", "gone", "--bundle", b.Dir)
	wantKeys(t, out, "source", "provider", "fps", "ratio", "cpu_ms", "phrase_ms", "stages_ms", "allocs_per_frame")
	var r bench.SpeedReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.FPS.Line <= 0 || r.FPS.Bare <= 0 || r.FPS.Python != nil || r.Ratio.LineBare <= 0 || r.Allocs <= 0 {
		t.Errorf("report %s", out)
	}
	if r.PhraseMS.One <= 0 || r.PhraseMS.Further == 0 {
		t.Errorf("phrases cost %+v", r.PhraseMS)
	}
	for _, stage := range []string{"capture", "resize", "frame", "ground", "model"} {
		if r.StagesMS[stage].P50 <= 0 {
			t.Errorf("stage %s took %v", stage, r.StagesMS[stage])
		}
	}
	if out := must(t, "bench", "pattern://64x48@200", "--seconds", "3", "--rounds", "1", "--python", "gone", "--bundle", b.Dir); !strings.Contains(out, "answers a second") {
		t.Errorf("live: %q", out)
	}
}

func TestBenchCompare(t *testing.T) {
	b := network(t)
	args := []string{"bench", "compare", "--seconds", "0.5", "--rounds", "1", "--python", "gone", "--bundle", b.Dir, "--log-level", "error"}
	out := must(t, append(args, "--json")...)
	var r bench.CompareReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Sources) != 3 {
		t.Fatalf("%s: %v", out, err)
	}
	for _, s := range r.Sources {
		if s.Ratio.LineBare <= 0 || s.Fixed.LineBare <= 0 || s.Reader.Ratio <= 0 || s.AgeMS.Fresh.P50 <= 0 || s.AgeMS.Limit <= 1.1*s.AgeMS.Model {
			t.Errorf("report %s", out)
		}
	}
	var people strings.Builder
	if err := r.Sources[0].Print(&people); err != nil || !strings.Contains(people.String(), "stand-in") || !strings.Contains(people.String(), "first drawn") || !strings.Contains(people.String(), "child process") {
		t.Errorf("for people: %q, %v", &people, err)
	}
	for name, more := range map[string][]string{"live": {"pattern://64x48"}, "no rounds": {"--rounds", "0"}} {
		if code, _, errs := deixis(t, append(args, more...)...); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
	}
}

func TestBenchLag(t *testing.T) {
	out := must(t, "bench", "lag", "--json", "--seconds", "2", "--log-level", "error")
	wantKeys(t, out, "answers", "scenes", "still", "carried")
	var r bench.LagReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Scenes) < 5 || r.Carried <= r.Still {
		t.Errorf("report %s", out)
	}
	for name, args := range map[string][]string{
		"no truth":   {"pattern://64x48"},
		"no answers": {"--answers", "0"},
	} {
		if code, _, errs := deixis(t, append([]string{"bench", "lag"}, args...)...); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
	}
}

func TestBenchLock(t *testing.T) {
	out := must(t, "bench", "lock", "--json", "--seconds", "0.6", "--log-level", "error")
	wantKeys(t, out, "answers", "scenes", "raw", "locked")
	var r bench.LockReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Scenes) < 5 || r.Locked < 0.5 {
		t.Errorf("report %s", out)
	}
	var people strings.Builder
	if err := r.Print(&people); err != nil || !strings.Contains(people.String(), r.Scenes[0].Name) {
		t.Errorf("for people: %q, %v", &people, err)
	}
	for name, args := range map[string][]string{"a source": {"pattern://64x48?frames=5"}, "no answers": {"--answers", "0"}} {
		if code, _, errs := deixis(t, append([]string{"bench", "lock"}, args...)...); code != app.ExitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
	}
}

// TestBenchTracks: tracks of whole recordings are right more often than the live lock,
// which is more often than answers as they are, and jump no more. Nothing in it depends
// on time.
func TestBenchTracks(t *testing.T) {
	out := must(t, "bench", "tracks", "--json", "--seconds", "8", "--log-level", "error")
	wantKeys(t, out, "scenes", "mean")
	var r bench.TracksReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	m := r.Mean
	if len(r.Scenes) < 5 || m.Whole.Right <= m.Locked.Right || m.Locked.Right <= m.Raw.Right || m.Whole.Jumps > m.Locked.Jumps || m.Whole.Breaks > m.Locked.Breaks {
		t.Errorf("report %s", out)
	}
	var people strings.Builder
	if err := r.Print(&people); err != nil || !strings.Contains(people.String(), r.Scenes[0].Name) {
		t.Errorf("for people: %q, %v", &people, err)
	}
}

func TestLockFlags(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, defaults)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"live", "0"}); err != nil || c.Live.Lock.rules() != track.DefaultRules {
		t.Errorf("the flags' defaults are %+v, the line's %+v: %v", c.Live.Lock.rules(), track.DefaultRules, err)
	}
	if _, err := parser.Parse([]string{"live", "0", "--lock-jump-after", "2s", "--lock-score", "0.7"}); err != nil || c.Live.Lock.JumpAfter != 2*time.Second || c.Live.Lock.Score != 0.7 {
		t.Errorf("flags give %+v: %v", c.Live.Lock, err)
	}
}

func TestBenchSoak(t *testing.T) {
	b := network(t)
	var r bench.SoakReport
	out := must(t, "bench", "soak", "pattern://160x120@30", "--for", "4s", "--json", "--bundle", b.Dir, "--log-level", "error")
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Answers == 0 || r.Late.Goroutines < 3 || r.Late.HeapMB <= 0 {
		t.Errorf("report %s, %v", out, err)
	}
	var people strings.Builder
	if err := r.Print(&people); err != nil || !strings.Contains(people.String(), "nothing grows") {
		t.Errorf("for people: %q, %v", &people, err)
	}
	r.Late.Goroutines, r.Late.HeapMB = r.Early.Goroutines+50, r.Early.HeapMB+50
	if got := r.Grown(); len(got) != 2 || !strings.Contains(got[0], "goroutines") || !strings.Contains(got[1], "heap") {
		t.Errorf("growing is %q", got)
	}
	if code, _, errs := deixis(t, "bench", "soak", "--for", "-3s"); code != app.ExitUsage || !strings.Contains(errs, "--for") {
		t.Errorf("below nothing: code %d, %q", code, errs)
	}
}
