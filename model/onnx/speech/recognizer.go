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
	models model.Speech
	beam   int
	words  vocabulary

	encoder, decoder *onnx.Session
	masked           bool   // the encoder takes a mask
	layout           layout // of the decoder

	free onnx.Closers
}

// Open loads the recogniser of a speech folder, as long as ctx is not done.
// Errors are onnx.ErrLibrary, onnx.ErrContract and ctx's.
func Open(ctx context.Context, s *model.Speech, o Options) (*Recognizer, error) {
	r, err := whileWanted(ctx, func() (*Recognizer, error) { return build(s, o) })
	if err != nil {
		return nil, fmt.Errorf("open recogniser %s: %w", s.Name, err)
	}
	return r, nil
}

func build(s *model.Speech, o Options) (_ *Recognizer, err error) {
	r := &Recognizer{models: *s, beam: o.Beam}
	if r.beam <= 0 {
		r.beam = DefaultBeam
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if r.words, err = openVocabulary(s.Path("tokenizer")); err != nil {
		return nil, err
	}
	release, err := onnx.Use(o.Library)
	if err != nil {
		return nil, err
	}
	r.free.Add(release)
	if r.encoder, err = open(s.Path("encoder"), o.Threads); err != nil {
		return nil, err
	}
	r.free.Add(r.encoder.Close)
	if in, out := len(r.encoder.Inputs), len(r.encoder.Outputs); in < 1 || in > 2 || out != 1 {
		return nil, fmt.Errorf("%w: the encoder has %d inputs and %d outputs", onnx.ErrContract, in, out)
	}
	r.masked = len(r.encoder.Inputs) == 2
	if r.decoder, err = open(s.Path("decoder"), o.Threads); err != nil {
		return nil, err
	}
	r.free.Add(r.decoder.Close)
	r.layout, err = layoutOf(r.decoder.Inputs, r.decoder.Outputs)
	return r, err
}

// Close frees everything.
func (r *Recognizer) Close() error { return r.free.Close() }

// Transcribe writes pcm down, 16 kHz, -1 to 1. No reading means no speech.
// Errors are ErrTooLong, ctx's and the runtime's.
func (r *Recognizer) Transcribe(ctx context.Context, pcm []float32) (model.Transcript, error) {
	began := time.Now()
	t := model.Transcript{Audio: time.Duration(len(pcm)) * time.Second / time.Duration(r.models.Rate)}
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
	targetPeak = 0.3
	maxGain    = 30
)

// gain is what makes pcm loud enough; sound that is, stays as it is.
func gain(pcm []float32) float32 {
	var peak float32
	for _, x := range pcm {
		peak = max(peak, x, -x)
	}
	if peak > 0 && peak < targetPeak { // false for NaN
		return min(targetPeak/peak, maxGain)
	}
	return 1
}

// padded is loud enough and has silence on both sides. What is no number becomes
// silence, too.
func (r *Recognizer) padded(pcm []float32) []float32 {
	pad := int(r.models.Pad * float64(r.models.Rate))
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
		if !known && plausible(h.Text, r.models.Language) {
			all = append(all, h)
		}
	}
	if len(all) == 0 || all[0].LogProb < r.models.MinLogProb {
		return nil
	}
	return all
}

// scripts are those of languages that use one only.
var scripts = map[string]*unicode.RangeTable{"en": unicode.Latin}

// plausible says whether a text has words, no letters but its language's, and no
// notes of music or the like.
func plausible(text, language string) bool {
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
