package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"deixis/camera"
)

// Event is one JSON line: what is known of one phrase on one shown frame.
// Version 1; fields are only ever added.
type Event struct {
	V      int         `json:"v"`
	Source string      `json:"source"`
	Seq    uint64      `json:"seq"`    // of the frame shown
	T      string      `json:"t"`      // when it was taken, UTC
	PTS    float64     `json:"pts"`    // its place in the recording, seconds
	Size   [2]int      `json:"size"`   // its width and height, pixels
	Phrase string      `json:"phrase"` //
	State  string      `json:"state"`  // searching, locked, unsure, lost or absent
	Box    *[4]float64 `json:"box"`    // x1, y1, x2, y2 in its pixels, as the source gave it; null without a box
	Score  float64     `json:"score"`  // of the best box, 0..1
	Margin float64     `json:"margin"` // score less the best of the others': near 0 or below, two things fit
	AgeMS  float64     `json:"age_ms"` // of the picture the box was found in
	Track  int         `json:"track"`  // counts the targets of the phrase, from 1
}

// stamp is how a time is written, UTC.
const stamp = "2006-01-02T15:04:05.000Z"

// NewEvent says v of frame f, in f's own pixels, in numbers rounded to what they are worth.
func NewEvent(source string, f *camera.Frame, v *View) Event {
	e := Event{
		V: 1, Source: source, Seq: f.Seq, T: f.At.UTC().Format(stamp),
		PTS: round(f.PTS.Seconds(), 3), Size: [2]int{f.Width, f.Height},
		Phrase: v.Phrase, State: v.State.String(), Score: round(float64(v.Score), 3),
		Margin: round(float64(v.Margin), 3),
		AgeMS:  round(float64(v.Age)/float64(time.Millisecond), 1), Track: v.Track,
	}
	if v.HasBox() {
		b := v.Box
		e.Box = &[4]float64{round(float64(b.X1), 1), round(float64(b.Y1), 1), round(float64(b.X2), 1), round(float64(b.Y2), 1)}
	}
	return e
}

// round keeps so many digits after the point; what is no number becomes 0,
// which JSON can say.
func round(x float64, digits int) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}

// Events is a sink that writes one JSON line a phrase and frame. Boxes on a
// mirrored frame are turned back to the source's own pixels.
type Events struct {
	W      io.Writer
	Source string // as in Event
}

// lastWrite is how long the reader of events may still take when the line ends.
const lastWrite = time.Second

// Show writes the lines of one frame. Its error is that of the writer, or of
// ctx where a reader has stopped reading.
func (e *Events) Show(ctx context.Context, f *camera.Frame, views []View) error {
	var lines []byte
	for i := range views {
		v := views[i]
		if f.Mirrored && v.HasBox() {
			v.Box = v.Box.Mirror(f.Width)
		}
		line, err := json.Marshal(NewEvent(e.Source, f, &v))
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		lines = append(append(lines, line...), '\n')
	}
	if len(lines) == 0 {
		return nil
	}
	if err := e.write(ctx, lines); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

// write leaves a writer that hangs to itself once ctx has ended: a pipe that
// nobody reads must not keep the program from its end.
func (e *Events) write(ctx context.Context, lines []byte) error {
	wrote := make(chan error, 1)
	go func() {
		_, err := e.W.Write(lines)
		wrote <- err
	}()
	select {
	case err := <-wrote:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(lastWrite)
	defer late.Stop()
	select {
	case err := <-wrote:
		return err
	case <-late.C:
		return ctx.Err()
	}
}
