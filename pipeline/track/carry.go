package track

import (
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

const (
	maxHops   = 6  // steps of optical flow, from the frame that was answered to the one shown
	maxMisses = 15 // frames in which the thing could not be tracked, after which its box stays where it is
)

// A Carrier moves boxes by optical flow from the frames that they were found in to
// the frames shown. The zero value is ready.
type Carrier struct {
	pyramids pyramids

	// The rest belongs to the goroutine that shows.
	tracker boxTracker
	tracks  map[string]*carried
	path    []*pyramid
}

// Add remembers the next frame of the source. One goroutine adds; another may call
// Carry at the same time.
func (c *Carrier) Add(f *camera.Frame) { c.pyramids.add(newPyramid(f)) }

// A carried box is that of one answer, on its way to the frame shown.
type carried struct {
	answer uint64    // number of the frame answered
	center point     // middle of the answer's box
	at     uint64    // number of the newest frame in which the box is known
	box    model.Box // there
	taken  time.Time // when that frame was taken
	speed  point     // pixels a frame
	misses int       // frames since
}

// begin is the box of a new answer. The one before says how fast the thing moves:
// as it was tracked, or else from answer to answer.
func begin(before *carried, v *pipeline.View) *carried {
	t := &carried{answer: v.Seq, at: v.Seq, box: v.Box, taken: v.At, center: middle(v.Box)}
	switch {
	case before == nil:
	case before.at > before.answer && before.misses == 0:
		t.speed = before.speed
	default:
		frames := float32(v.Seq - before.answer)
		t.speed = point{(t.center.x - before.center.x) / frames, (t.center.y - before.center.y) / frames}
	}
	return t
}

func middle(b model.Box) point { return point{(b.X1 + b.X2) / 2, (b.Y1 + b.Y2) / 2} }

// Carry moves the boxes of views, in place, to frame f, which is shown now. A box
// that cannot be tracked stays where it is; one from before a cut is lost with its
// scene.
func (c *Carrier) Carry(f *camera.Frame, views []pipeline.View) {
	if c.tracks == nil {
		c.tracks = make(map[string]*carried)
	}
	for i := range views {
		v := &views[i]
		if !v.HasBox() || v.Seq >= f.Seq {
			delete(c.tracks, v.Phrase)
			continue
		}
		t := c.tracks[v.Phrase]
		if t == nil || t.answer != v.Seq {
			t = begin(t, v)
			c.tracks[v.Phrase] = t
		}
		if c.move(t, f) {
			if t.at == f.Seq {
				t.taken = f.At
			}
			v.Box, v.At = t.box.Clip(f.Width, f.Height), t.taken
		} else {
			v.State, v.Box = pipeline.Lost, model.Box{}
		}
	}
	if len(c.tracks) > len(views) {
		c.forget(views)
	}
}

// move brings t to frame f, and is false where a cut lies between.
func (c *Carrier) move(t *carried, f *camera.Frame) bool {
	c.path = c.pyramids.between(c.path[:0], t.at, f.Seq, maxHops)
	if len(c.path) == 0 {
		return true
	}
	if c.path[0].shot != c.path[len(c.path)-1].shot {
		return false
	}
	if t.misses >= maxMisses {
		return true
	}
	t.misses++
	for i, to := range c.path[1:] {
		frames := float32(to.seq - c.path[i].seq)
		box, moved, ok := c.tracker.track(c.path[i], to, t.box, point{t.speed.x * frames, t.speed.y * frames})
		if !ok && t.speed != (point{}) { // it may be another thing now, or have turned
			box, moved, ok = c.tracker.track(c.path[i], to, t.box, point{})
		}
		if !ok {
			return true
		}
		t.box, t.at, t.misses = box, to.seq, 0
		t.speed = point{moved.x / frames, moved.y / frames}
	}
	return true
}

// forget leaves out the tracks of phrases that nobody asks any more.
func (c *Carrier) forget(views []pipeline.View) {
	for phrase := range c.tracks {
		kept := false
		for i := range views {
			kept = kept || views[i].Phrase == phrase
		}
		if !kept {
			delete(c.tracks, phrase)
		}
	}
}
