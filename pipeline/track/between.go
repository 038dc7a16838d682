package track

import (
	"deixis/camera"
	"deixis/model"
)

// A Between carries boxes through the frames between two that were answered, from both
// ends: a recording may look ahead. It belongs to one goroutine; the zero value is ready.
type Between struct {
	tracker boxTracker
	grams   []*pyramid // of the first of the two, and those after it
	most    bool       // there were too many, and only their number is known
	n       int        // frames after the first
}

// mostBetween bounds the memory of frames between two: each takes about 100 KB. Boxes
// that are farther apart go on a straight line.
const mostBetween = 300

// Add takes the next frame. Of the frame itself nothing is kept.
func (b *Between) Add(f *camera.Frame) {
	g := newPyramid(f)
	if n := len(b.grams); n > 0 && g != nil {
		if before := b.grams[n-1]; before != nil {
			g.shot = before.shot
			if g.cut(before) {
				g.shot++
			}
		}
	}
	if len(b.grams) > 0 {
		b.n++
	}
	if len(b.grams) > mostBetween {
		b.most = true
		b.grams[len(b.grams)-1] = g // the first of the next two
		return
	}
	b.grams = append(b.grams, g)
}

// Begin forgets all frames but the newest, which is the first of the next two.
func (b *Between) Begin() {
	n := len(b.grams)
	if n == 0 {
		return
	}
	last := b.grams[n-1]
	clear(b.grams)
	b.grams = append(b.grams[:0], last)
	b.n, b.most = 0, false
}

// Boxes appends to boxes one for each frame between the first and the newest, where
// the thing stands at from and at to. It is tracked forward from one and backward from
// the other; what either is off by at its far end is taken out in proportion to the
// way, and the two are mixed, each weighing more near its own end. Where it is tracked
// from one end only, that one counts, and where from none, or across a cut, a straight
// line.
func (b *Between) Boxes(boxes []model.Box, from, to model.Box) []model.Box {
	n := b.n
	var forward, backward []model.Box
	if !b.most {
		forward, backward = b.carry(from, to, 0, 1), b.carry(to, from, n, -1)
	}
	for i := 1; i < n; i++ {
		share := float32(i) / float32(n)
		switch {
		case forward != nil && backward != nil:
			boxes = append(boxes, Mix(forward[i], backward[n-i], share))
		case forward != nil:
			boxes = append(boxes, forward[i])
		case backward != nil:
			boxes = append(boxes, backward[n-i])
		default:
			boxes = append(boxes, Mix(from, to, share))
		}
	}
	return boxes
}

// After appends to boxes one for each frame after the first, up to the newest: as far as
// the thing can be tracked, and there it stays.
func (b *Between) After(boxes []model.Box, from model.Box) []model.Box {
	box, speed, lost := from, point{}, b.most
	for i := range b.n {
		if !lost {
			g, to := b.grams[i], b.grams[i+1]
			lost = g == nil || to == nil || g.shot != to.shot
			if !lost {
				next, moved, ok := b.tracker.track(g, to, box, speed)
				if lost = !ok; ok {
					box, speed = next, moved
				}
			}
		}
		boxes = append(boxes, box)
	}
	return boxes
}

// carry tracks a box from frame to frame, and bends the way so that it ends at end. It
// is nil where the thing is lost on the way, or arrives elsewhere.
func (b *Between) carry(box, end model.Box, at, step int) []model.Box {
	n := len(b.grams) - 1
	way := make([]model.Box, 1, n+1)
	way[0] = box
	var speed point
	for range n {
		from, to := b.grams[at], b.grams[at+step]
		at += step
		if from == nil || to == nil || from.shot != to.shot {
			return nil
		}
		next, moved, ok := b.tracker.track(from, to, box, speed)
		if !ok {
			return nil
		}
		box, speed = next, moved
		way = append(way, box)
	}
	if box.IoU(end) < 0.5 {
		return nil
	}
	for i := range way {
		share := float32(i) / float32(max(1, n))
		w := &way[i]
		w.X1, w.Y1 = w.X1+share*(end.X1-box.X1), w.Y1+share*(end.Y1-box.Y1)
		w.X2, w.Y2 = w.X2+share*(end.X2-box.X2), w.Y2+share*(end.Y2-box.Y2)
	}
	return way
}

// Mix is a box on the straight line from a to b.
func Mix(a, b model.Box, share float32) model.Box {
	at := func(p, q float32) float32 { return p + share*(q-p) }
	return model.Box{X1: at(a.X1, b.X1), Y1: at(a.Y1, b.Y1), X2: at(a.X2, b.X2), Y2: at(a.Y2, b.Y2)}
}
