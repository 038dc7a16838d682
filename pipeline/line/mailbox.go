package line

import (
	"context"
	"sync"

	"deixis/pipeline"
)

// A mailbox holds one frame between a fast stage and a slow one: the newest frame
// wins. One goroutine takes; any may put.
type mailbox struct {
	mu      sync.Mutex
	frame   *sharedFrame // nil when it was taken
	views   []pipeline.View
	dropped uint64
	bell    chan struct{} // of capacity 1
}

func newMailbox() *mailbox { return &mailbox{bell: make(chan struct{}, 1)} }

// put leaves f, with views that nobody changes any more, and never waits. It says
// whether that took the place of a frame that nobody took. The mailbox retains f.
func (m *mailbox) put(f *sharedFrame, views []pipeline.View) (dropped bool) {
	f.retain()
	m.mu.Lock()
	before := m.frame
	m.frame, m.views = f, views
	if dropped = before != nil; dropped {
		m.dropped++
	}
	m.mu.Unlock()
	if dropped {
		before.release()
	}
	select {
	case m.bell <- struct{}{}:
	default:
	}
	return dropped
}

// take waits for a frame that was not taken before. The caller releases it. Its
// error is that of ctx.
func (m *mailbox) take(ctx context.Context) (*sharedFrame, []pipeline.View, error) {
	for {
		m.mu.Lock()
		f, views := m.frame, m.views
		m.frame = nil
		m.mu.Unlock()
		if f != nil {
			return f, views, nil
		}
		select {
		case <-m.bell:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// skipped counts the frames that were replaced before anyone took them.
func (m *mailbox) skipped() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}
