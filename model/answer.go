package model

import (
	"errors"
	"time"
)

// ErrNoAnswer says that the network failed on one frame and may well answer the
// next: whoever shows answers leaves the frame out and goes on.
var ErrNoAnswer = errors.New("no answer to this frame")

// Answer is what the network says of one phrase on one frame.
type Answer struct {
	Phrase string    // the text asked; an answer is never shown under another
	Seq    uint64    // the frame it was computed on
	At     time.Time // when that frame was taken

	Present  bool      // false: the thing is not in the picture
	Presence float32   // calibrated probability that it is there, 0..1
	Boxes    []Box     // best first, then the next distinct ones, in frame pixels; at least one
	Scores   []float32 // calibrated probability that Boxes[i] is the thing meant, 0..1; same length as Boxes

	Attention []float32 // [CLS] over the picture, Grid*Grid row-major, sums to 1; nil unless asked for
	Grid      int       // side of Attention, tokens

	ClsBox *Box // the one box that the paper regresses from [CLS]; nil where the bundle has none

	Took Took
}

// Took is what each graph cost, wall time.
type Took struct {
	Resize time.Duration // frame to the network's square
	Frame  time.Duration // frame.onnx
	Phrase time.Duration // phrase.onnx; 0 when the phrase was cached
	Ground time.Duration // ground.onnx
}

// Box is the best box, or the zero Box when the thing is not there.
func (a *Answer) Box() Box {
	if !a.Present || len(a.Boxes) == 0 {
		return Box{}
	}
	return a.Boxes[0]
}

// Score is that of the best box, 0..1.
func (a *Answer) Score() float32 {
	if len(a.Scores) == 0 {
		return 0
	}
	return a.Scores[0]
}

// Margin says how sure the choice is: best score less the runner-up's, 0..1.
func (a *Answer) Margin() float32 {
	if len(a.Scores) == 0 {
		return 0
	}
	return a.MarginOf(0)
}

// MarginOf is the score of Boxes[i] less the best of the others', -1..1.
func (a *Answer) MarginOf(i int) float32 {
	var best float32
	for j, s := range a.Scores {
		if j != i {
			best = max(best, s)
		}
	}
	return a.Scores[i] - best
}
