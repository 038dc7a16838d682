package mqtt

import (
	"context"
	"sync"
)

// A state is how the connection is. Any goroutine may call its methods.
type state struct {
	mu    sync.Mutex
	known bool          // it came up or failed at least once
	err   error         // why it is down; nil: it is up
	first chan struct{} // closed when known
}

func newState() *state { return &state{first: make(chan struct{})} }

// set notes that the connection is up, nil, or why it is not.
func (s *state) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	if !s.known {
		s.known = true
		close(s.first)
	}
}

// wait waits until it is known how the first connection went, and is why the
// connection is down now.
func (s *state) wait(ctx context.Context) error {
	select {
	case <-s.first:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
