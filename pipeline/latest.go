package pipeline

import (
	"context"
	"sync"

	"deixis/camera"
)

// Latest is a mailbox for one frame between a fast stage and a slow one: the
// newest frame wins. One goroutine takes; any may put.
type Latest struct {
	mu      sync.Mutex
	mail    camera.Frame
	views   []View // what is shown on mail; nil where nothing is known yet
	fresh   bool
	dropped uint64
	rang    chan struct{} // a doorbell of capacity 1
}

// NewLatest makes an empty mailbox.
func NewLatest() *Latest { return &Latest{rang: make(chan struct{}, 1)} }

// Put leaves a copy of f, with views that nobody changes any more, and never
// waits for the taker. It says whether that overwrote a frame nobody took.
func (l *Latest) Put(f *camera.Frame, views ...View) (dropped bool) {
	l.mu.Lock()
	if dropped = l.fresh; dropped {
		l.dropped++
	}
	f.CopyTo(&l.mail)
	l.views, l.fresh = views, true
	l.mu.Unlock()
	select {
	case l.rang <- struct{}{}:
	default:
	}
	return dropped
}

// Take waits for a frame that was not taken before and swaps it into f. Its
// error is that of ctx.
func (l *Latest) Take(ctx context.Context, f *camera.Frame) ([]View, error) {
	for {
		if views, ok := l.swap(f); ok {
			return views, nil
		}
		select {
		case <-l.rang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// swap hands f's old memory to the mailbox in exchange for the frame.
func (l *Latest) swap(f *camera.Frame) ([]View, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.fresh {
		return nil, false
	}
	l.mail, *f = *f, l.mail
	l.fresh = false
	return l.views, true
}

// Dropped counts the frames that were overwritten before anyone took them.
func (l *Latest) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}
