package speech

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/model"
	"deixis/model/onnx"
	"deixis/pipeline/listen"
)

// TestMain names the library that `make setup` leaves in the repository: a test
// has no program beside which it could be found.
func TestMain(m *testing.M) {
	file, err := filepath.Abs(filepath.Join("..", "..", "..", "bin", "lib", "libonnxruntime.so"))
	if _, e := os.Stat(file); os.Getenv("DEIXIS_ORT_LIBRARY") == "" && errors.Join(err, e) == nil {
		os.Setenv("DEIXIS_ORT_LIBRARY", file)
	}
	goleak.VerifyTestMain(m)
}

// models are those of DEIXIS_SPEECH or of this project; without them, or
// without ONNX Runtime, the test skips.
func models(t testing.TB) *model.Speech {
	t.Helper()
	dir := os.Getenv("DEIXIS_SPEECH")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "assets", "models", "speech")
	}
	s, err := model.LoadSpeech(dir)
	if err != nil {
		t.Skip(err)
	}
	if _, err := onnx.FindLibrary(""); err != nil {
		t.Skip(err)
	}
	return s
}

// spoken is a phrase said by espeak-ng; without it the test skips.
func spoken(t testing.TB, phrase string) []float32 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "said.wav")
	if out, err := exec.Command("espeak-ng", "-v", "en-us", "-w", file, phrase).CombinedOutput(); err != nil {
		t.Skipf("no espeak-ng to speak with: %v %s", err, out)
	}
	f, err := listen.OpenFile(file, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm := make([]float32, 30*listen.Rate)
	n, err := f.Read(t.Context(), pcm)
	if err != nil {
		t.Fatal(err)
	}
	return pcm[:n]
}

func recognizer(t testing.TB, o Options) *Recognizer {
	t.Helper()
	r, err := Open(t.Context(), models(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

// plain is a text without capitals and punctuation.
func plain(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !('a' <= r && r <= 'z') }), " ")
}

// One recogniser for all, because opening it takes a second.
func TestRecognizer(t *testing.T) {
	r := recognizer(t, Options{})
	t.Run("a phrase", func(t *testing.T) { hearsPhrase(t, r) })
	t.Run("no speech", func(t *testing.T) { hearsNothing(t, r) })
	t.Run("stops", func(t *testing.T) { stops(t, r) })
	t.Run("no leak", func(t *testing.T) { doesNotGrow(t, r) })
}

func hearsPhrase(t *testing.T, r *Recognizer) {
	const phrase = "the red cup on the left"
	got, err := r.Transcribe(t.Context(), spoken(t, phrase))
	if err != nil {
		t.Fatal(err)
	}
	if plain(got.Text()) != phrase {
		t.Errorf("heard %q", got.Text())
	}
	far := spoken(t, phrase)
	for i := range far {
		far[i] *= 0.01
	}
	if got, err := r.Transcribe(t.Context(), far); err != nil || plain(got.Text()) != phrase {
		t.Errorf("from afar heard %q, %v", got.Text(), err)
	}
	if len(got.NBest) < 2 || len(got.NBest) > DefaultBeam || got.Took <= 0 || got.Audio < time.Second {
		t.Errorf("%+v", got)
	}
	for i := 1; i < len(got.NBest); i++ {
		if got.NBest[i].LogProb > got.NBest[i-1].LogProb {
			t.Errorf("reading %d is likelier than the one before: %v", i, got.NBest)
		}
	}
}

// The memory that beams share must not mix them up: greedy search and a beam of
// one are the same, and the best of four is no less likely.
func TestBeamIsNoWorse(t *testing.T) {
	pcm := spoken(t, "the man with the umbrella behind the bench")
	var last float64
	for _, beam := range []int{1, 4} {
		got, err := recognizer(t, Options{Beam: beam}).Transcribe(t.Context(), pcm)
		if err != nil || len(got.NBest) == 0 {
			t.Fatalf("beam %d: %v, %v", beam, got, err)
		}
		if beam > 1 && got.NBest[0].LogProb < last-0.02 {
			t.Errorf("beam %d: %v is less likely than greedy %v", beam, got.NBest[0], last)
		}
		last = got.NBest[0].LogProb
	}
}

func hearsNothing(t *testing.T, r *Recognizer) {
	noise := rand.New(rand.NewPCG(1, 2))
	for name, sample := range map[string]func(i int) float64{
		"silence": func(int) float64 { return 0 },
		"noise":   func(int) float64 { return 0.1 * noise.NormFloat64() },
		"tone":    func(i int) float64 { return 0.3 * math.Sin(float64(i)*2*math.Pi*440/listen.Rate) },
		"NaN":     func(int) float64 { return math.NaN() },
		"clicks":  func(i int) float64 { return float64(1 - min(1, i%4000)) },
		"hum":     func(i int) float64 { return 0.2 * math.Sin(float64(i)*2*math.Pi*50/listen.Rate) },
	} {
		pcm := make([]float32, 2*listen.Rate)
		for i := range pcm {
			pcm[i] = float32(sample(i))
		}
		got, err := r.Transcribe(t.Context(), pcm)
		if err != nil || len(got.NBest) > 0 {
			t.Errorf("%s: heard %v, %v", name, got.NBest, err)
		}
	}
	if got, err := r.Transcribe(t.Context(), nil); err != nil || len(got.NBest) > 0 {
		t.Errorf("nothing: heard %v, %v", got.NBest, err)
	}
}

func stops(t *testing.T, r *Recognizer) {
	if _, err := r.Transcribe(t.Context(), make([]float32, 31*listen.Rate)); !errors.Is(err, ErrTooLong) {
		t.Errorf("31 seconds: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := r.Transcribe(ctx, make([]float32, listen.Rate)); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func TestVADHearsSpeechOnly(t *testing.T) {
	v, err := OpenVAD(t.Context(), models(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	s := listen.NewSegmenter(v, listen.DefaultSegmenting)
	quiet := make([]float32, listen.Rate)
	for i := range quiet {
		quiet[i] = 1e-3 * float32(i%2)
	}
	var pcm []float32
	for _, phrase := range []string{"the red cup on the left", "the dog behind the bench"} {
		pcm = slices.Concat(pcm, quiet, spoken(t, phrase), quiet)
	}
	us, err := s.Push(pcm)
	if err != nil || len(us) != 2 {
		t.Errorf("%d utterances of 2, %v", len(us), err)
	}
	if _, err := v.Prob(pcm[:100]); err == nil {
		t.Error("a chunk of 100 samples is taken")
	}
}

// Two hundred phrases must not grow the program.
func doesNotGrow(t *testing.T, r *Recognizer) {
	pcm := spoken(t, "red cup")
	hear := func(times int) {
		for i := range times {
			if _, err := r.Transcribe(t.Context(), pcm[:len(pcm)-i%5*500]); err != nil {
				t.Fatal(err)
			}
		}
	}
	hear(10)
	before := resident(t)
	hear(200)
	if grown := resident(t) - before; grown > 24<<20 {
		t.Errorf("200 phrases grew the program by %d MiB", grown>>20)
	}
}

// resident is how much memory this program holds, bytes.
func resident(t testing.TB) int {
	t.Helper()
	runtime.GC()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("memory cannot be measured here: %v", err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
