package track

import "deixis/model"

// A history is where a target was shown on the newest frames.
type history struct {
	ring [remembered]shownBox
	n    int // how many were added in all
}

type shownBox struct {
	seq uint64 // of the frame
	box model.Box
}

func (h *history) add(seq uint64, box model.Box) {
	h.ring[h.n%remembered] = shownBox{seq, box}
	h.n++
}

// at is the place on frame seq, or on the frame shown next before it.
func (h *history) at(seq uint64) (model.Box, bool) {
	for i := h.n - 1; i >= max(0, h.n-remembered); i-- {
		if s := h.ring[i%remembered]; s.seq <= seq {
			return s.box, true
		}
	}
	return model.Box{}, false
}
