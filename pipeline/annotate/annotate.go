// Package annotate holds what a run over one recording found, for the packages below
// it, each of which writes it in one format.
package annotate

import (
	"cmp"
	"slices"
	"time"

	"deixis/model"
)

// Video is what was found in one recording, or in one folder of pictures.
type Video struct {
	First         time.Duration // PTS of the first frame
	Name          string        // of the results, without extension
	Source        string        // as in events
	Width, Height int           // pixels, of the first frame
	Frames        []Frame
	Phrases       []string // in the order asked; Track.Phrase counts in it
	Tracks        []Track  // by their first frame

	score func(phrase, frame int) (score, margin float32) // of the best box of an answer; nil: not known
}

// Frame is one that was answered. Frames are counted from 0.
type Frame struct {
	At            time.Duration // from the first frame of the recording
	File          string        // of a picture; "" in a video
	Width, Height int           // pixels
}

// Track is one thing that a phrase means, from frame to frame.
type Track struct {
	ID     int // from 1, over all phrases
	Phrase int
	Boxes  []Box // by frame; where frames are missing between two, the thing is hidden
}

// Box is where the thing is on one frame.
type Box struct {
	Frame int
	model.Box
	Score float32 // of the answer; the lower of both ends where a gap was closed

	Margin float32 // to the best other box of the answer
}

// Duration is how long the recording is: from its first frame to the end of its last,
// which lasts as long as the one before.
func (v *Video) Duration() time.Duration {
	n := len(v.Frames)
	switch n {
	case 0:
		return 0
	case 1:
		return v.Frames[0].At
	}
	return 2*v.Frames[n-1].At - v.Frames[n-2].At
}

// End is when a frame ends: with the next one, or the recording.
func (v *Video) End(frame int) time.Duration {
	if frame+1 < len(v.Frames) {
		return v.Frames[frame+1].At
	}
	return v.Duration()
}

// FPS is the mean rate of frames; 0 of fewer than two.
func (v *Video) FPS() float64 {
	if d := v.Duration(); d > 0 && len(v.Frames) > 1 {
		return float64(len(v.Frames)) / d.Seconds()
	}
	return 0
}

// A Placed is a box with its track.
type Placed struct {
	*Track
	Box
}

// ByFrame calls yield for every box, frame by frame, and by track within one.
func (v *Video) ByFrame(yield func(Placed) error) error {
	var all []Placed
	for i := range v.Tracks {
		for _, b := range v.Tracks[i].Boxes {
			all = append(all, Placed{&v.Tracks[i], b})
		}
	}
	slices.SortStableFunc(all, func(a, b Placed) int { return cmp.Compare(a.Box.Frame, b.Box.Frame) })
	for _, p := range all {
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}
