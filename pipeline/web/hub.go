package web

import "sync"

// A hub hands each thing sent to everyone who listens. A listener who has not
// taken the one before gets the newer one instead.
type hub[T any] struct {
	mu   sync.Mutex
	subs map[chan T]struct{}
}

// join adds a listener, or says false where limit are there already.
func (h *hub[T]) join(limit int) (chan T, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) >= limit {
		return nil, false
	}
	if h.subs == nil {
		h.subs = make(map[chan T]struct{})
	}
	c := make(chan T, 1)
	h.subs[c] = struct{}{}
	return c, true
}

func (h *hub[T]) leave(c chan T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, c)
}

// watchers is how many listen.
func (h *hub[T]) watchers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs)
}

// send never waits. It says how many listeners miss the one before.
func (h *hub[T]) send(v T) (missed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.subs {
		select {
		case <-c:
			missed++
		default:
		}
		c <- v
	}
	return missed
}
