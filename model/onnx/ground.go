package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// makeSlots makes the tensors whose shape never changes, and lets Close free all.
func (g *Grounder) makeSlots() error {
	if g.layers <= 0 || g.width <= 0 || g.visual.shape[1] <= 0 || g.visual.shape[2] <= 0 {
		return fmt.Errorf("%w: ground's words and visual need fixed sizes", ErrContract)
	}
	for _, free := range []func() error{
		g.image.free, g.ahead.free, g.visual.free, g.ids.free, g.mask.free, g.words.free, g.allWords.free, g.allMask.free,
		g.boxes.free, g.scores.free, g.present.free, g.attention.free, g.clsBox.free,
	} {
		g.free.add(free)
	}
	side := int64(g.bundle.Image.Size)
	return errors.Join(g.image.resize(1, side, side, 3), g.ahead.make(side), g.visual.resize(slices.Clone(g.visual.shape)...))
}

// warmUp runs each graph once, so that the first frame is as fast as the next.
func (g *Grounder) warmUp() error {
	p, err := g.bundle.Phrase("thing")
	if err != nil {
		return err
	}
	clear(g.image.data())
	if err := g.see(&g.image); err != nil {
		return err
	}
	s, _, err := g.read(p)
	if err != nil {
		return err
	}
	return g.point([]*state{s})
}

// Ground says where each phrase is in f: one run over the picture and one over
// all phrases, which share their Took but for Phrase. It answers in the order
// asked, boxes in f's pixels. It keeps nothing of f. Errors are ErrClosed, ctx's own,
// those of Options.Square, and a graph's.
func (g *Grounder) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return nil, fmt.Errorf("ground frame %d: %w", f.Seq, ErrClosed)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(phrases) == 0:
		return nil, nil
	case len(phrases) > g.bundle.Limits.MaxPhrases:
		return nil, fmt.Errorf("ground frame %d: %d phrases, and %d fit in one run", f.Seq, len(phrases), g.bundle.Limits.MaxPhrases)
	case f.Width <= 0 || f.Height <= 0 || len(f.Pix) != 3*f.Width*f.Height:
		return nil, fmt.Errorf("ground frame %d: %d bytes are no picture of %d by %d pixels", f.Seq, len(f.Pix), f.Width, f.Height)
	}
	answers, err := g.answer(f, phrases)
	if err != nil {
		return nil, fmt.Errorf("ground frame %d: %w", f.Seq, err)
	}
	return answers, nil
}

func (g *Grounder) answer(f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	took, err := g.look(f)
	if err != nil {
		return nil, err
	}
	states, reading := make([]*state, len(phrases)), make([]time.Duration, len(phrases))
	for i, p := range phrases {
		var err error
		if states[i], reading[i], err = g.read(p); err != nil {
			return nil, err
		}
	}
	pointing := time.Now()
	if err := g.point(states); err != nil {
		return nil, err
	}
	took.Ground = time.Since(pointing)
	answers := make([]model.Answer, len(phrases))
	for i, p := range phrases {
		took.Phrase = reading[i]
		answers[i] = model.Answer{Phrase: p.Text, Seq: f.Seq, At: f.At, Took: took}
		if err := g.fill(&answers[i], i, f); err != nil {
			return nil, fmt.Errorf("phrase %q: %w", p.Text, err)
		}
	}
	return answers, nil
}

// look runs frame.onnx on f, resized now unless it was prepared.
func (g *Grounder) look(f *camera.Frame) (took model.Took, err error) {
	image := &g.image
	if s := g.ahead.take(f); s != nil {
		defer g.ahead.release(s, vacant)
		image, took.Resize = &s.image, s.took
	} else {
		began := time.Now()
		if err := g.square(f, g.bundle.Image.Size, image.data()); err != nil {
			return took, err
		}
		took.Resize = time.Since(began)
	}
	began := time.Now()
	err = g.see(image)
	took.Frame = time.Since(began)
	return took, err
}

// see runs frame.onnx: image to visual.
func (g *Grounder) see(image *slot[uint8]) error {
	if err := g.frameRun.Run([]ort.Value{image.tensor}, []ort.Value{g.visual.tensor}); err != nil {
		return fmt.Errorf("run frame graph: %w: %w", ErrRun, err)
	}
	return nil
}

// read is what phrase.onnx says of p, and how long it ran: 0 when remembered.
// Each phrase runs alone and unpadded, so its state depends on nothing else.
func (g *Grounder) read(p model.Phrase) (*state, time.Duration, error) {
	if s := g.phrase.get(p.Text, p.IDs); s != nil {
		return s, 0, nil
	}
	n := int64(len(p.IDs))
	if n == 0 || n > int64(g.bundle.Limits.MaxTokens) {
		return nil, 0, fmt.Errorf("phrase %q has %d tokens, not 1 to %d", p.Text, n, g.bundle.Limits.MaxTokens)
	}
	began := time.Now()
	if err := errors.Join(g.ids.resize(1, n), g.mask.resize(1, n), g.words.resize(1, g.layers, n, g.width)); err != nil {
		return nil, 0, fmt.Errorf("make tensors: %w", err)
	}
	copy(g.ids.data(), p.IDs)
	for i := range g.mask.data() {
		g.mask.data()[i] = 1
	}
	if err := g.phraseRun.Run([]ort.Value{g.ids.tensor, g.mask.tensor}, []ort.Value{g.words.tensor}); err != nil {
		return nil, 0, fmt.Errorf("run phrase graph: %w: %w", ErrRun, err)
	}
	s := &state{text: p.Text, ids: slices.Clone(p.IDs), words: slices.Clone(g.words.data())}
	g.phrase.put(s)
	return s, time.Since(began), nil
}

// point runs ground.onnx for all phrases together, shorter ones padded.
func (g *Grounder) point(states []*state) error {
	longest := 0
	for _, s := range states {
		longest = max(longest, len(s.ids))
	}
	n, l := int64(len(states)), int64(longest)
	k, tokens := int64(g.bundle.Answers), int64(g.bundle.Image.Grid*g.bundle.Image.Grid)
	if err := errors.Join(
		g.allWords.resize(n, g.layers, l, g.width), g.allMask.resize(n, l),
		g.boxes.resize(n, k, 4), g.scores.resize(n, k), g.present.resize(n),
		g.attention.resize(n, tokens), g.clsBox.resize(n, 4),
	); err != nil {
		return fmt.Errorf("make tensors: %w", err)
	}
	g.pack(states, longest)
	outputs := make([]ort.Value, len(g.outputs))
	for i, name := range g.outputs {
		outputs[i] = g.output(name)
	}
	err := g.groundRun.Run([]ort.Value{g.visual.tensor, g.allWords.tensor, g.allMask.tensor}, outputs)
	if err != nil {
		return fmt.Errorf("run ground graph: %w: %w", ErrRun, err)
	}
	return nil
}

// output is the tensor that ground.onnx fills under a name.
func (g *Grounder) output(name string) ort.Value {
	switch name {
	case "boxes":
		return g.boxes.tensor
	case "scores":
		return g.scores.tensor
	case "present":
		return g.present.tensor
	case "attention":
		return g.attention.tensor
	}
	return g.clsBox.tensor
}

// pack lays the states beside each other, zeros where a phrase is shorter.
func (g *Grounder) pack(states []*state, longest int) {
	words, mask := g.allWords.data(), g.allMask.data()
	clear(words)
	clear(mask)
	row := int(g.width)
	for i, s := range states {
		n := len(s.ids)
		for layer := range int(g.layers) {
			to := (i*int(g.layers) + layer) * longest * row
			copy(words[to:to+n*row], s.words[layer*n*row:])
		}
		for j := range n {
			mask[i*longest+j] = 1
		}
	}
}

// fill copies what the graph said of the i-th phrase to a, in pixels of f.
func (g *Grounder) fill(a *model.Answer, i int, f *camera.Frame) error {
	k := g.bundle.Answers
	a.Presence = g.present.data()[i]
	a.Present = a.Presence >= g.bundle.Threshold.Present
	a.Scores = slices.Clone(g.scores.data()[i*k : (i+1)*k])
	a.Boxes = make([]model.Box, k)
	for j := range a.Boxes {
		a.Boxes[j] = inPixels(g.boxes.data()[(i*k+j)*4:], f)
	}
	if slices.Contains(g.outputs, "attention") {
		a.Grid = g.bundle.Image.Grid
		n := a.Grid * a.Grid
		a.Attention = slices.Clone(g.attention.data()[i*n : (i+1)*n])
	}
	if slices.Contains(g.outputs, clsBox.name) {
		b := inPixels(g.clsBox.data()[i*4:], f)
		a.ClsBox = &b
	}
	if !finite(a.Presence) || slices.ContainsFunc(a.Scores, func(s float32) bool { return !finite(s) }) ||
		slices.ContainsFunc(a.Boxes, func(b model.Box) bool { return !finite(b.X1 + b.Y1 + b.X2 + b.Y2) }) {
		return fmt.Errorf("%w: the network answered with what is no number", ErrRun)
	}
	return nil
}

// inPixels scales corners 0..1 to f and clips them.
func inPixels(corners []float32, f *camera.Frame) model.Box {
	w, h := float32(f.Width), float32(f.Height)
	return model.Box{X1: corners[0] * w, Y1: corners[1] * h, X2: corners[2] * w, Y2: corners[3] * h}.Clip(f.Width, f.Height)
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }
