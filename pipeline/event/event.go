// Package event is what is told of a target: one schema, used by the JSON lines of
// `--events`, by the page and its API.
package event

import (
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// Target is what is known of one phrase on one frame. It is part of every schema
// that names a target; fields are only ever added.
type Target struct {
	Phrase string      `json:"phrase"`
	State  string      `json:"state"`  // searching, locked, unsure, lost or absent
	Box    *[4]float64 `json:"box"`    // x1, y1, x2, y2 in the frame's pixels; null without a box
	Score  float64     `json:"score"`  // of the best box, 0..1
	Margin float64     `json:"margin"` // score less the best of the others': near 0 or below, two things fit
	AgeMS  float64     `json:"age_ms"` // of the picture the box was found in
	Track  int         `json:"track"`  // counts the targets of the phrase, from 1
}

// NewTarget says v in numbers rounded to what they are worth.
func NewTarget(v *pipeline.View) Target {
	t := Target{
		Phrase: v.Phrase, State: v.State.String(), Score: model.Round(float64(v.Score), 3), Margin: model.Round(float64(v.Margin), 3),
		AgeMS: model.Round(float64(v.Age)/float64(time.Millisecond), 1), Track: v.Track,
	}
	if b := v.Box; v.HasBox() {
		t.Box = &[4]float64{model.Round(float64(b.X1), 1), model.Round(float64(b.Y1), 1), model.Round(float64(b.X2), 1), model.Round(float64(b.Y2), 1)}
	}
	return t
}

// Event is one JSON line: what is known of one phrase on one shown frame.
// Version 1; fields are only ever added.
type Event struct {
	V      int     `json:"v"`
	Source string  `json:"source"`
	Camera string  `json:"camera,omitempty"` // its name, where it has one
	Boot   string  `json:"boot,omitempty"`   // names this run of the program
	File   string  `json:"file,omitempty"`   // which file the frame is from, where the source has several or is one
	Seq    uint64  `json:"seq"`              // of the frame shown; rises from frame to frame within one boot
	T      string  `json:"t"`                // when it was taken, UTC
	PTS    float64 `json:"pts"`              // its place in the recording, seconds
	Size   [2]int  `json:"size"`             // its width and height, pixels
	Target
	ValidForMS float64 `json:"valid_for_ms,omitempty"` // how long after t who steers by it may rely on it
}

// timeFormat is how a time is written, UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"

// NewEvent says v of frame f, in f's own pixels.
func NewEvent(source string, f *camera.Frame, v *pipeline.View) Event {
	return Event{
		V: 1, Source: source, File: f.File, Seq: f.Seq, T: f.At.UTC().Format(timeFormat),
		PTS: model.Round(f.PTS.Seconds(), 3), Size: [2]int{f.Width, f.Height}, Target: NewTarget(v),
	}
}

// Recorded is one JSON line of a recording: an Event without what depends on when it
// was made, so that two runs write the same. Version 1; fields are only ever added.
type Recorded struct {
	V      int         `json:"v"`
	Source string      `json:"source"`
	File   string      `json:"file,omitempty"`
	Seq    uint64      `json:"seq"`
	PTS    float64     `json:"pts"`
	Size   [2]int      `json:"size"`
	Phrase string      `json:"phrase"`
	State  string      `json:"state"`
	Box    *[4]float64 `json:"box"`
	Score  float64     `json:"score"`
	Margin float64     `json:"margin"`
	Track  int         `json:"track"` // from 1, over all phrases; 0 where nothing was found
}

// Recorded is e without its times of the clock.
func (e *Event) Recorded() Recorded {
	return Recorded{e.V, e.Source, e.File, e.Seq, e.PTS, e.Size, e.Phrase, e.State, e.Box, e.Score, e.Margin, e.Track}
}

// SpeechEvent is one JSON line: what was said, and what came of it. Version 1;
// fields are only ever added.
type SpeechEvent struct {
	V      int           `json:"v"`
	Source string        `json:"source"` // of the pictures
	T      string        `json:"t"`      // when it was understood, UTC
	Speech pipeline.Said `json:"speech"`
}
