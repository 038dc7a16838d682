package pipeline

import (
	"sync"

	"deixis/camera"
	"deixis/model"
)

const (
	remembered = 64 // sketches kept: two seconds of a camera of 30 frames a second
	hops       = 6  // at most, from the frame that was answered to the one shown
	maxMisses  = 15 // frames without a trace of the thing, after which its box stands still
)

// sketches are the newest sketches of a source. One goroutine puts, another looks.
type sketches struct {
	mu   sync.Mutex
	ring [remembered]*sketch
	n    int // how many were put in all
	shot int // counts the cuts
}

// put keeps the sketch of the next frame. A nil, of a frame too small, is none.
func (r *sketches) put(g *sketch) {
	if g == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n > 0 && g.cut(r.ring[(r.n-1)%remembered]) {
		r.shot++
	}
	g.shot = r.shot
	r.ring[r.n%remembered] = g
	r.n++
}

// between appends the sketches of frames from to to, both with their own, to
// path: at most most hops apart, spread evenly. It is empty where one of the
// two ends is not remembered.
func (r *sketches) between(path []*sketch, from, to uint64, most int) []*sketch {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, last := r.find(from), r.find(to)
	if first < 0 || last <= first {
		return path
	}
	for n := min(most, last-first); n > 0; n-- {
		path = append(path, r.ring[first%remembered])
		first += (last - first) / n
	}
	return append(path, r.ring[last%remembered])
}

// find is the place of a frame's sketch, counted from the first ever; -1 for none.
func (r *sketches) find(seq uint64) int {
	for i := r.n - 1; i >= max(0, r.n-remembered); i-- {
		if g := r.ring[i%remembered]; g.seq == seq {
			return i
		} else if g.seq < seq {
			break
		}
	}
	return -1
}

// A carrier moves boxes from the frames they were found in to the frames shown.
type carrier struct {
	sketches sketches

	// The rest belongs to the goroutine that shows.
	follower follower
	tracks   map[string]*track
	path     []*sketch
}

// A track is the box of one answer, on its way.
type track struct {
	answer uint64    // number of the frame answered
	found  point     // middle of the answer's box
	at     uint64    // number of the newest frame in which the box is known
	box    model.Box // there
	by     point     // how it moves, pixels a frame
	misses int       // frames since
}

// begin is the track of a new answer. The one before says how the thing moves:
// by what was followed, or else from answer to answer.
func begin(before *track, v *View) *track {
	t := &track{answer: v.Seq, at: v.Seq, box: v.Box, found: middle(v.Box)}
	switch {
	case before == nil:
	case before.at > before.answer && before.misses == 0:
		t.by = before.by
	default:
		frames := float32(v.Seq - before.answer)
		t.by = point{(t.found.x - before.found.x) / frames, (t.found.y - before.found.y) / frames}
	}
	return t
}

func middle(b model.Box) point { return point{(b.X1 + b.X2) / 2, (b.Y1 + b.Y2) / 2} }

// carry moves the boxes of views to frame f, which is shown now. A box that
// cannot be followed stands still; one from before a cut is lost with its scene.
func (c *carrier) carry(f *camera.Frame, views []View) {
	if c.tracks == nil {
		c.tracks = make(map[string]*track)
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
			v.Box = t.box.Clip(f.Width, f.Height)
		} else {
			v.State, v.Box = Lost, model.Box{}
		}
	}
	if len(c.tracks) > len(views) {
		c.forget(views)
	}
}

// move brings t to frame f, and is false where a cut lies between.
func (c *carrier) move(t *track, f *camera.Frame) bool {
	c.path = c.sketches.between(c.path[:0], t.at, f.Seq, hops)
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
		box, by, ok := c.follower.follow(c.path[i], to, t.box, point{t.by.x * frames, t.by.y * frames})
		if !ok && t.by != (point{}) { // it may be another thing now, or have turned
			box, by, ok = c.follower.follow(c.path[i], to, t.box, point{})
		}
		if !ok {
			return true
		}
		t.box, t.at, t.misses = box, to.seq, 0
		t.by = point{by.x / frames, by.y / frames}
	}
	return true
}

// forget leaves out the tracks of phrases that nobody asks any more.
func (c *carrier) forget(views []View) {
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
