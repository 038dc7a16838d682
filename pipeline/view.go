// Package pipeline holds the nouns that the rooms below it share: what is known
// of a phrase (View, State), where frames come from (Source), what answers them
// (Grounder), where they go (Sink, Output), what stages take (Timings), what was
// said (Speech), and how texts become what is looked for (Asker).
//
// It is plain Go. Loops, lock, drawing and events are rooms of their own below it.
package pipeline

import (
	"context"
	"time"

	"deixis/camera"
	"deixis/model"
)

// State says how well the line knows where a phrase points.
type State int

// The states of a target.
const (
	Searching State = iota // no answer yet
	Locked                 // there, and sure which one
	Unsure                 // there, but it could be another one
	Lost                   // was there a moment ago
	Absent                 // not in the picture
)

// String is the state's name in events.
func (s State) String() string {
	switch s {
	case Searching:
		return "searching"
	case Locked:
		return "locked"
	case Unsure:
		return "unsure"
	case Lost:
		return "lost"
	case Absent:
		return "absent"
	}
	return "unknown"
}

// View is what is known of one phrase when a frame is shown. A View that was
// handed to a Sink never changes again, nor does its Attention: a sink may keep it.
type View struct {
	Phrase string
	State  State
	Box    model.Box     // frame pixels; the zero Box unless State is Locked or Unsure
	Score  float32       // of the best box, 0..1
	Margin float32       // to the runner-up, 0..1
	Age    time.Duration // of the picture that the box was found in, when it is shown
	At     time.Time     // when the newest picture was taken that the box is known in: that one, or a later one it was carried to
	Track  int           // counts the targets of this phrase, from 1; 0 before the first
	Seq    uint64        // number of the frame that was answered; 0 before the first

	Attention []float32 // as in model.Answer; nil where nobody asked for it
	Grid      int
}

// HasBox says whether there is a box to show.
func (v *View) HasBox() bool { return v.State == Locked || v.State == Unsure }

// A Source fills f with its next frame, or returns io.EOF when it is dry.
type Source interface {
	Next(ctx context.Context, f *camera.Frame) error
}

// A Grounder answers every phrase on one frame, in the order of the phrases. It
// reads f and does not change it. A recording asks it about several frames at a
// time.
type Grounder interface {
	Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error)
}

// A Preparer is a Grounder that can do what a frame needs before the network,
// such as resizing it, while it answers another frame. Ground then finds it done.
type Preparer interface {
	Prepare(f *camera.Frame) error
}

// A Sink shows a frame and what is known on it, one view a phrase.
//
// It may read f until it returns, and copies what it keeps: the frame's memory
// is used again, and other sinks read it at the same time. The slice of views and
// the views themselves never change again: a sink may keep them as they are, and
// must not write to them. io.EOF says that it wants no more, as a window that was
// closed.
type Sink interface {
	Show(ctx context.Context, f *camera.Frame, views []View) error
}

// An Idler is a Sink that has work between frames, as a window that must read
// its keys while the camera is away.
type Idler interface {
	Idle() error // io.EOF as with Show
}
