// Package annotate holds what a run over one recording found, for the packages below
// it, each of which writes it in one format.
package annotate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// Video is what was found in one recording, or in one folder of pictures.
type Video struct {
	Name          string // of the results, without extension
	Source        string // as in events
	Width, Height int    // pixels, of the first frame
	Frames        []Frame
	Phrases       []string // in the order asked; Track.Phrase counts in it
	Tracks        []Track  // by their first frame
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
	Score float32
}

// A Collector is a Sink that makes a Video of what it is shown. It belongs to one
// goroutine.
type Collector struct {
	// Unrelated says that the frames are pictures that do not belong together: then
	// every box is a track of its own.
	Unrelated bool

	v      Video
	first  time.Duration
	tracks map[trackKey]int // place in v.Tracks
}

type trackKey struct {
	phrase, track int
	frame         int // of unrelated pictures
}

// NewCollector makes one for phrases, as they will be found in views.
func NewCollector(name, source string, phrases []string) *Collector {
	return &Collector{v: Video{Name: name, Source: source, Phrases: phrases}, tracks: map[trackKey]int{}}
}

// Show takes one frame.
func (c *Collector) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	n := len(c.v.Frames)
	if n == 0 {
		c.v.Width, c.v.Height, c.first = f.Width, f.Height, f.PTS
	}
	c.v.Frames = append(c.v.Frames, Frame{At: f.PTS - c.first, File: f.File, Width: f.Width, Height: f.Height})
	for i := range views {
		v := &views[i]
		phrase := slices.Index(c.v.Phrases, v.Phrase)
		if !v.HasBox() || phrase < 0 {
			continue
		}
		key := trackKey{phrase: phrase, track: v.Track}
		if c.Unrelated {
			key.frame = n + 1
		}
		at, known := c.tracks[key]
		if !known {
			at = len(c.v.Tracks)
			c.tracks[key] = at
			c.v.Tracks = append(c.v.Tracks, Track{ID: at + 1, Phrase: phrase})
		}
		c.v.Tracks[at].Boxes = append(c.v.Tracks[at].Boxes, Box{Frame: n, Box: v.Box, Score: v.Score})
	}
	return nil
}

// Video is what was found so far. It shares its memory with the Collector.
func (c *Collector) Video() *Video { return &c.v }

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
