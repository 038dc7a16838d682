package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/camera"
	"deixis/model"
)

// inFlight is how many frames are answered at a time. Where the network runs on
// the CPU, a second fills what the first leaves of the cores while its threads
// wait for each other; a GPU is handed its next work before it is done.
const inFlight = 2

// buffers are the input and output tensors of one frame in flight.
type buffers struct {
	image             tensor[uint8]   // unless the frame was prepared
	visual            tensor[float32] // out of frame.onnx, into ground.onnx
	allWords          tensor[float32] // of all phrases of a run, padded to the longest
	allMask           tensor[int64]
	boxes, scores     tensor[float32]
	present           tensor[float32]
	attention, clsBox tensor[float32]
}

// acquire gives buffers that nobody else uses, as soon as there are some; the
// caller releases them. Its error is ErrClosed.
func (g *Grounder) acquire() (*buffers, error) {
	buf, open := <-g.idle
	if !open {
		return nil, ErrClosed
	}
	return buf, nil
}

func (g *Grounder) release(buf *buffers) { g.idle <- buf }

func (buf *buffers) free() error {
	return errors.Join(
		buf.image.free(), buf.visual.free(), buf.allWords.free(), buf.allMask.free(), buf.boxes.free(),
		buf.scores.free(), buf.present.free(), buf.attention.free(), buf.clsBox.free(),
	)
}

// runGround runs ground.onnx for all phrases together, shorter ones padded.
func (g *Grounder) runGround(ctx context.Context, buf *buffers, embeddings []*embedding) error {
	longest := 0
	for _, e := range embeddings {
		longest = max(longest, len(e.ids))
	}
	n, long := int64(len(embeddings)), int64(longest)
	k, tokens := int64(g.bundle.Answers), int64(g.bundle.Image.Grid*g.bundle.Image.Grid)
	if err := errors.Join(
		buf.allWords.resize(n, g.layers, long, g.width), buf.allMask.resize(n, long),
		buf.boxes.resize(n, k, 4), buf.scores.resize(n, k), buf.present.resize(n),
		buf.attention.resize(n, tokens), buf.clsBox.resize(n, 4),
	); err != nil {
		return fmt.Errorf("make tensors: %w", err)
	}
	buf.pack(embeddings, longest, g.layers, g.width)
	outputs := make([]ort.Value, len(g.outputs))
	for i, name := range g.outputs {
		outputs[i] = buf.output(name)
	}
	err := g.groundRun.Run(ctx, []ort.Value{buf.visual.value, buf.allWords.value, buf.allMask.value}, outputs)
	if err != nil {
		return fmt.Errorf("run ground graph: %w", err)
	}
	return nil
}

// output is the tensor that ground.onnx fills under a name.
func (buf *buffers) output(name string) ort.Value {
	switch name {
	case "boxes":
		return buf.boxes.value
	case "scores":
		return buf.scores.value
	case "present":
		return buf.present.value
	case "attention":
		return buf.attention.value
	}
	return buf.clsBox.value
}

// pack lays the embeddings beside each other, zeros where a phrase is shorter.
func (buf *buffers) pack(embeddings []*embedding, longest int, layers, width int64) {
	words, mask := buf.allWords.data(), buf.allMask.data()
	clear(words)
	clear(mask)
	row, count := int(width), int(layers)
	for i, e := range embeddings {
		n := len(e.ids)
		for layer := range count {
			to := (i*count + layer) * longest * row
			copy(words[to:to+n*row], e.words[layer*n*row:])
		}
		for j := range n {
			mask[i*longest+j] = 1
		}
	}
}

// decode copies what the graph said of the i-th phrase to a, in pixels of f. An
// output that is NaN or infinite is an ErrRun.
func (g *Grounder) decode(buf *buffers, a *model.Answer, i int, f *camera.Frame) error {
	k := g.bundle.Answers
	presence, scores, boxes := buf.present.data()[i], buf.scores.data()[i*k:(i+1)*k], buf.boxes.data()[i*k*4:(i+1)*k*4]
	ok := finite(presence) && finite(scores...) && finite(boxes...)
	a.Presence, a.Present = presence, presence >= g.bundle.Threshold.Present
	a.Scores = slices.Clone(scores)
	a.Boxes = make([]model.Box, k)
	for j := range a.Boxes {
		a.Boxes[j] = inPixels(boxes[4*j:], f)
	}
	if slices.Contains(g.outputs, "attention") {
		a.Grid = g.bundle.Image.Grid
		n := a.Grid * a.Grid
		a.Attention = slices.Clone(buf.attention.data()[i*n : (i+1)*n])
		ok = ok && finite(a.Attention...)
	}
	if slices.Contains(g.outputs, clsBox.name) {
		corners := buf.clsBox.data()[i*4 : (i+1)*4]
		b := inPixels(corners, f)
		a.ClsBox = &b
		ok = ok && finite(corners...)
	}
	if !ok {
		return fmt.Errorf("%w: an answer is NaN or infinite", ErrRun)
	}
	return nil
}

// inPixels scales corners 0..1 to f and clips them.
func inPixels(corners []float32, f *camera.Frame) model.Box {
	w, h := float32(f.Width), float32(f.Height)
	return model.Box{X1: corners[0] * w, Y1: corners[1] * h, X2: corners[2] * w, Y2: corners[3] * h}.Clip(f.Width, f.Height)
}

// finite says that none of xs is NaN or infinite.
func finite(xs ...float32) bool {
	return !slices.ContainsFunc(xs, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) })
}
