package line

import (
	"sync"
	"sync/atomic"

	"deixis/camera"
)

// A sharedFrame is a frame that several stages read at once, so that handing it on
// costs no copy. Who gets one from a pool writes to it until it is handed on; then
// nobody does. When the last reader has released it, its memory is used again.
type sharedFrame struct {
	camera.Frame
	refs atomic.Int32
	pool *framePool
}

func (f *sharedFrame) retain() { f.refs.Add(1) }

func (f *sharedFrame) release() {
	if f.refs.Add(-1) == 0 {
		f.pool.put(f)
	}
}

// A framePool keeps the memory of frames that nobody reads any more. As many are
// made as are in use at once.
type framePool struct {
	mu   sync.Mutex
	free []*sharedFrame
}

// get is a frame of the caller's own, whose pixels are undefined, with one
// reference.
func (p *framePool) get() *sharedFrame {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		f := &sharedFrame{pool: p}
		f.refs.Store(1)
		return f
	}
	f := p.free[n-1]
	p.free = p.free[:n-1]
	f.refs.Store(1)
	return f
}

func (p *framePool) put(f *sharedFrame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, f)
}

// header is f without its pixels, for who needs none.
func header(f *sharedFrame) *sharedFrame {
	h := &sharedFrame{Frame: f.Frame, pool: &framePool{}}
	h.Pix = nil
	h.refs.Store(1)
	return h
}
