package track

import "sync"

// remembered is how many newest frames are known by their pyramids and boxes: two
// seconds of a camera of 30 frames a second.
const remembered = 64

// pyramids are those of the newest frames of a source. One goroutine adds, another
// looks.
type pyramids struct {
	mu   sync.Mutex
	ring [remembered]*pyramid
	n    int // how many were added in all
	shot int // counts the cuts
}

// add keeps the pyramid of the next frame. A nil, of a frame too small, is none.
func (r *pyramids) add(g *pyramid) {
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

// between appends the pyramids of frames from to to, both ends included, to path:
// at most most steps apart, spread evenly. It is empty where one of the two ends is
// not remembered.
func (r *pyramids) between(path []*pyramid, from, to uint64, most int) []*pyramid {
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

// find is the place of a frame's pyramid, counted from the first ever; -1 for none.
func (r *pyramids) find(seq uint64) int {
	for i := r.n - 1; i >= max(0, r.n-remembered); i-- {
		if g := r.ring[i%remembered]; g.seq == seq {
			return i
		} else if g.seq < seq {
			break
		}
	}
	return -1
}
