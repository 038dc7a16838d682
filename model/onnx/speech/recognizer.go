// Package speech writes down what is said, with ONNX Runtime on the CPU: a
// voice detector, and a recogniser that reads sound without a spectrogram and
// writes token after token.
package speech

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
	"deixis/model/onnx"
)

// ErrTooLong says that an utterance is longer than Longest.
var ErrTooLong = errors.New("too long to write down")

// Longest is how long an utterance may be: memory grows with its square.
const Longest = 30 * time.Second

// Options shape recognition. The zero value of each is its default.
type Options struct {
	Library string // path of ONNX Runtime's shared library; "" searches
	Threads int    // 0 is one
	Beam    int    // readings that are followed, and given; 0 is DefaultBeam
}

// DefaultBeam costs half as much again as 1 and mishears a quarter less.
const DefaultBeam = 4

// Recognizer writes utterances down. It belongs to one goroutine.
type Recognizer struct {
	about model.Speech
	beam  int
	words vocabulary

	encoder, decoder *ort.DynamicAdvancedSession
	masked           bool // the encoder takes a mask
	layout           layout
	inputs, outputs  int // of the decoder

	free []func() error
}

// Open loads the recogniser of a speech folder. Errors are onnx.ErrLibrary and
// onnx.ErrContract.
func Open(s *model.Speech, o Options) (_ *Recognizer, err error) {
	r := &Recognizer{about: *s, beam: o.Beam}
	if r.beam <= 0 {
		r.beam = DefaultBeam
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open recogniser %s: %w", s.Name, err), r.Close())
		}
	}()
	if r.words, err = openVocabulary(s.Path("tokenizer")); err != nil {
		return nil, err
	}
	release, err := onnx.Use(o.Library)
	if err != nil {
		return nil, err
	}
	r.free = append(r.free, release)
	encoder, in, out, err := open(s.Path("encoder"), o.Threads)
	if err != nil {
		return nil, err
	}
	r.encoder, r.masked = encoder, len(in) == 2
	r.free = append(r.free, encoder.Destroy)
	if len(in) > 2 || len(out) != 1 {
		return nil, fmt.Errorf("%w: the encoder has %d inputs and %d outputs", onnx.ErrContract, len(in), len(out))
	}
	decoder, in, out, err := open(s.Path("decoder"), o.Threads)
	if err != nil {
		return nil, err
	}
	r.decoder, r.inputs, r.outputs = decoder, len(in), len(out)
	r.free = append(r.free, decoder.Destroy)
	r.layout, err = layoutOf(in, out)
	return r, err
}

// Close frees everything.
func (r *Recognizer) Close() error { return closeAll(&r.free) }

// closeAll frees in the reverse of the order things were made.
func closeAll(free *[]func() error) error {
	var errs []error
	for _, f := range slices.Backward(*free) {
		errs = append(errs, f())
	}
	*free = nil
	return errors.Join(errs...)
}

// Transcribe writes pcm down, 16 kHz, -1 to 1. No reading means no speech.
// Errors are ErrTooLong, ctx's and the runtime's.
func (r *Recognizer) Transcribe(ctx context.Context, pcm []float32) (model.Transcript, error) {
	began := time.Now()
	t := model.Transcript{Audio: time.Duration(len(pcm)) * time.Second / time.Duration(r.about.Rate)}
	if t.Audio > Longest {
		return t, fmt.Errorf("write down %v of sound: %w (%v at most)", t.Audio, ErrTooLong, Longest)
	}
	if len(pcm) == 0 {
		return t, nil
	}
	beams, err := r.read(ctx, r.padded(pcm))
	if err != nil {
		return t, fmt.Errorf("write down %v of sound: %w", t.Audio, err)
	}
	t.NBest = r.readings(beams)
	t.Took = time.Since(began)
	return t, nil
}

// Quiet speech is made louder: the model has heard little of it.
const (
	loud     = 0.3 // peak
	mostGain = 30
)

// gain is what makes pcm loud enough; sound that is, stays as it is.
func gain(pcm []float32) float32 {
	var peak float32
	for _, x := range pcm {
		peak = max(peak, x, -x)
	}
	if peak > 0 && peak < loud { // false for NaN
		return min(loud/peak, mostGain)
	}
	return 1
}

// padded is loud enough and has silence on both sides. What is no number becomes
// silence, too.
func (r *Recognizer) padded(pcm []float32) []float32 {
	pad := int(r.about.Pad * float64(r.about.Rate))
	sound, louder := make([]float32, len(pcm)+2*pad), gain(pcm)
	for i, x := range pcm {
		if !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) {
			sound[pad+i] = louder * x
		}
	}
	return sound
}

// readings turns beams into texts, each once. Where even the likeliest is
// unlikely, or none is in the model's language, nobody spoke: to silence, noise
// and music it answers with notes and other scripts.
func (r *Recognizer) readings(beams []beam) []model.Hypothesis {
	var all []model.Hypothesis
	for _, b := range beams {
		h := model.Hypothesis{Text: r.words.text(b.tokens), LogProb: b.mean()}
		known := slices.ContainsFunc(all, func(o model.Hypothesis) bool { return o.Text == h.Text })
		if !known && written(h.Text, r.about.Language) {
			all = append(all, h)
		}
	}
	if len(all) == 0 || all[0].LogProb < r.about.MinLogProb {
		return nil
	}
	return all
}

// scripts are those of languages that use one only.
var scripts = map[string]*unicode.RangeTable{"en": unicode.Latin}

// written says whether a text has words, no letters but its language's, and no
// notes of music or the like.
func written(text, language string) bool {
	script := scripts[language]
	words := false
	for _, c := range text {
		if unicode.Is(unicode.So, c) || unicode.IsLetter(c) && script != nil && !unicode.Is(script, c) {
			return false
		}
		words = words || unicode.IsLetter(c) || unicode.IsDigit(c)
	}
	return words
}
