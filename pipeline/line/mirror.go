package line

import (
	"context"
	"sync/atomic"

	"deixis/camera"
	"deixis/pipeline"
)

// Mirror shows who stands before a camera what a mirror would. It turns the
// frame before anything else sees it, so what is left in the picture is also
// left in a phrase. Events turn their boxes back: they are in the source's own
// pixels. Next belongs to one goroutine; the rest may be called from any.
type Mirror struct {
	From pipeline.Source

	on atomic.Bool
}

// Set turns the picture like a mirror's, or as the source gives it.
func (m *Mirror) Set(on bool) { m.on.Store(on) }

// On says whether it is turned.
func (m *Mirror) On() bool { return m.on.Load() }

// Toggle turns it round and says which it is now.
func (m *Mirror) Toggle() (mirrored bool) {
	for {
		was := m.on.Load()
		if m.on.CompareAndSwap(was, !was) {
			return !was
		}
	}
}

// Next is the source's next frame, mirrored where that is on.
func (m *Mirror) Next(ctx context.Context, f *camera.Frame) error {
	if err := m.From.Next(ctx, f); err != nil {
		return err
	}
	if f.Mirrored = false; m.on.Load() {
		f.Mirror()
	}
	return nil
}
