package annotate

import (
	"iter"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
)

// Candidates are how many boxes of an answer are kept: the right one is among the
// first few or not at all.
const Candidates = 4

// An Answered is one frame and what was answered on it, without its pixels.
type Answered struct {
	PTS           time.Duration
	File          string // as in camera.Frame
	Width, Height int    // pixels
	Asked         bool   // false: the frame was passed over, and Said is empty
	Said          []Said // by phrase
}

// Said is a model.Answer without pointers: a recording has a great many.
type Said struct {
	Presence float32
	There    bool
	N        uint8 // boxes
	Boxes    [Candidates]model.Box
	Scores   [Candidates]float32
}

// margin is how much better box k is than the best other.
func (a *Said) margin(k int) float32 {
	var other float32
	for i, s := range a.Scores[:a.N] {
		if i != k {
			other = max(other, s)
		}
	}
	return a.Scores[k] - other
}

// AnsweredOf is what is kept of the answers to f, each under its own phrase; others are
// nobody's. None at all means that the frame was passed over.
func AnsweredOf(f *camera.Frame, phrases []string, answers []model.Answer) Answered {
	one := Answered{PTS: f.PTS, File: f.File, Width: f.Width, Height: f.Height, Asked: len(answers) > 0}
	if !one.Asked {
		return one
	}
	one.Said = make([]Said, len(phrases))
	for i := range answers {
		a := &answers[i]
		phrase := slices.Index(phrases, a.Phrase)
		if phrase < 0 {
			continue
		}
		said := &one.Said[phrase]
		said.Presence, said.There = a.Presence, a.Present && a.Box().Area() > 0
		for k := range min(len(a.Boxes), len(a.Scores)) {
			box := a.Boxes[k].Clip(f.Width, f.Height)
			if box.Area() > 0 && said.N < Candidates {
				said.Boxes[said.N], said.Scores[said.N] = box, a.Scores[k]
				said.N++
			}
		}
	}
	return one
}

// A Store keeps the frames of a recording and what was answered on them, in order,
// until tracks are made of them. What a points to is the store's; f is not kept.
type Store interface {
	Add(f *camera.Frame, a Answered) error
	All() iter.Seq2[Answered, error] // an error is the last
}

// Memory is a Store that keeps all in memory.
type Memory struct{ all []Answered }

// Add keeps a.
func (m *Memory) Add(_ *camera.Frame, a Answered) error {
	m.all = append(m.all, a)
	return nil
}

// All is what was kept.
func (m *Memory) All() iter.Seq2[Answered, error] {
	return func(yield func(Answered, error) bool) {
		for _, a := range m.all {
			if !yield(a, nil) {
				return
			}
		}
	}
}
