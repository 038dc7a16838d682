package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"deixis/camera"
	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// lanes is how many frames are answered at a time. Where the network runs on
// the CPU, a second fills what the first leaves of the cores while its threads
// wait for each other; a GPU is handed its next work before it is done.
const lanes = 2

// A lane is the tensors of one frame that is answered.
type lane struct {
	image             slot[uint8]   // unless the frame was prepared
	visual            slot[float32] // out of frame.onnx, into ground.onnx
	allWords          slot[float32] // of all phrases of a run, padded to the longest
	allMask           slot[int64]
	boxes, scores     slot[float32]
	present           slot[float32]
	attention, clsBox slot[float32]
}

// claim is a lane that nobody else uses, as soon as there is one; the caller
// releases it. Its error is ErrClosed.
func (g *Grounder) claim() (*lane, error) {
	l, open := <-g.lanes
	if !open {
		return nil, ErrClosed
	}
	return l, nil
}

func (g *Grounder) release(l *lane) { g.lanes <- l }

func (l *lane) free() error {
	return errors.Join(
		l.image.free(), l.visual.free(), l.allWords.free(), l.allMask.free(), l.boxes.free(),
		l.scores.free(), l.present.free(), l.attention.free(), l.clsBox.free(),
	)
}

// point runs ground.onnx for all phrases together, shorter ones padded.
func (g *Grounder) point(l *lane, states []*state) error {
	longest := 0
	for _, s := range states {
		longest = max(longest, len(s.ids))
	}
	n, long := int64(len(states)), int64(longest)
	k, tokens := int64(g.bundle.Answers), int64(g.bundle.Image.Grid*g.bundle.Image.Grid)
	if err := errors.Join(
		l.allWords.resize(n, g.layers, long, g.width), l.allMask.resize(n, long),
		l.boxes.resize(n, k, 4), l.scores.resize(n, k), l.present.resize(n),
		l.attention.resize(n, tokens), l.clsBox.resize(n, 4),
	); err != nil {
		return fmt.Errorf("make tensors: %w", err)
	}
	l.pack(states, longest, g.layers, g.width)
	outputs := make([]ort.Value, len(g.outputs))
	for i, name := range g.outputs {
		outputs[i] = l.output(name)
	}
	err := g.groundRun.Run([]ort.Value{l.visual.tensor, l.allWords.tensor, l.allMask.tensor}, outputs)
	if err != nil {
		return fmt.Errorf("run ground graph: %w: %w", ErrRun, err)
	}
	return nil
}

// output is the tensor that ground.onnx fills under a name.
func (l *lane) output(name string) ort.Value {
	switch name {
	case "boxes":
		return l.boxes.tensor
	case "scores":
		return l.scores.tensor
	case "present":
		return l.present.tensor
	case "attention":
		return l.attention.tensor
	}
	return l.clsBox.tensor
}

// pack lays the states beside each other, zeros where a phrase is shorter.
func (l *lane) pack(states []*state, longest int, layers, width int64) {
	words, mask := l.allWords.data(), l.allMask.data()
	clear(words)
	clear(mask)
	row, floors := int(width), int(layers)
	for i, s := range states {
		n := len(s.ids)
		for layer := range floors {
			to := (i*floors + layer) * longest * row
			copy(words[to:to+n*row], s.words[layer*n*row:])
		}
		for j := range n {
			mask[i*longest+j] = 1
		}
	}
}

// fill copies what the graph said of the i-th phrase to a, in pixels of f.
func (g *Grounder) fill(l *lane, a *model.Answer, i int, f *camera.Frame) error {
	k := g.bundle.Answers
	a.Presence = l.present.data()[i]
	a.Present = a.Presence >= g.bundle.Threshold.Present
	a.Scores = slices.Clone(l.scores.data()[i*k : (i+1)*k])
	a.Boxes = make([]model.Box, k)
	for j := range a.Boxes {
		a.Boxes[j] = inPixels(l.boxes.data()[(i*k+j)*4:], f)
	}
	if slices.Contains(g.outputs, "attention") {
		a.Grid = g.bundle.Image.Grid
		n := a.Grid * a.Grid
		a.Attention = slices.Clone(l.attention.data()[i*n : (i+1)*n])
	}
	if slices.Contains(g.outputs, clsBox.name) {
		b := inPixels(l.clsBox.data()[i*4:], f)
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
