// Package annotate holds what a run over one recording found, for the packages below
// it, each of which writes it in one format.
package annotate

import (
	"time"

	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/track"
)

// Video is what was found in one recording, or in one folder of pictures.
type Video struct {
	First         time.Duration // PTS of the first frame
	Name          string        // of the results, without extension
	Source        string        // as in events
	File          string        // of a video
	Width, Height int           // pixels, of the first frame
	Frames        []Frame
	Phrases       []string // in the order asked; Track.Phrase counts in it
	Tracks        []Track  // by their first frame

	scores [][]Score // by phrase and frame
}

// Score is that of the best box of an answer; zero of a frame that was passed over.
type Score struct {
	Score, Margin float32 // Margin: to the best other box
}

// Frame is one that was answered. Frames are counted from 0.
type Frame struct {
	At            time.Duration // from the first frame of the recording
	File          string        // of a picture; "" in a video
	Width, Height int           // pixels
	Asked         bool          // false: its boxes are carried from frames that were answered
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
// which lasts as long as the one before; one alone lasts 40 ms.
func (v *Video) Duration() time.Duration {
	n := len(v.Frames)
	switch n {
	case 0:
		return 0
	case 1:
		return v.Frames[0].At + 40*time.Millisecond
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

// next says whether to is the frame that was answered after frame from.
func (v *Video) next(from, to int) bool {
	for from++; from < to; from++ {
		if v.Frames[from].Asked {
			return false
		}
	}
	return true
}

// A Placed is a box with its track.
type Placed struct {
	*Track
	Box
}

// EachFrame calls yield for every frame with the boxes on it, by track. They are yield's
// until it returns.
func (v *Video) EachFrame(yield func(frame int, boxes []Placed) error) error {
	at := v.cursor()
	for frame := range v.Frames {
		if err := yield(frame, at.on(frame)); err != nil {
			return err
		}
	}
	return nil
}

// ByFrame calls yield for every box, frame by frame, and by track within one.
func (v *Video) ByFrame(yield func(Placed) error) error {
	return v.EachFrame(func(_ int, boxes []Placed) error {
		for _, p := range boxes {
			if err := yield(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Views calls yield for every frame, with a view a phrase. Track counts over all
// phrases, as ID does. What yield is handed is its own until it returns.
func (v *Video) Views(yield func(frame int, views []pipeline.View) error) error {
	views := make([]pipeline.View, len(v.Phrases))
	return v.EachFrame(func(frame int, boxes []Placed) error {
		for i, p := range v.Phrases {
			views[i] = pipeline.View{Phrase: p, State: pipeline.Absent, Seq: uint64(frame + 1)}
			if v.scores != nil {
				views[i].Score, views[i].Margin = v.scores[i][frame].Score, v.scores[i][frame].Margin
			}
		}
		for _, p := range boxes {
			w := &views[p.Phrase]
			w.Box, w.Score, w.Margin, w.Track, w.State = p.Box.Box, p.Score, p.Margin, p.ID, track.StateOf(p.Score, p.Margin)
		}
		return yield(frame, views)
	})
}

// A cursor goes through all tracks of a video at once, frame by frame.
type cursor struct {
	v     *Video
	begun int     // tracks, which are in the order of their first frames
	open  []place // those that have boxes to come, by track
	now   []Placed
}

type place struct{ track, box int }

func (v *Video) cursor() *cursor { return &cursor{v: v} }

// on are the boxes of a frame, by track; they are the caller's until the next call.
// Frames are asked for in order.
func (c *cursor) on(frame int) []Placed {
	for c.begun < len(c.v.Tracks) && c.v.Tracks[c.begun].Boxes[0].Frame <= frame {
		c.open = append(c.open, place{track: c.begun})
		c.begun++
	}
	c.now = c.now[:0]
	left := c.open[:0]
	for _, p := range c.open {
		t := &c.v.Tracks[p.track]
		if t.Boxes[p.box].Frame == frame {
			c.now = append(c.now, Placed{t, t.Boxes[p.box]})
			p.box++
		}
		if p.box < len(t.Boxes) {
			left = append(left, p)
		}
	}
	c.open = left
	return c.now
}
