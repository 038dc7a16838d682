package onnx

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"deixis/camera"
)

// maxPrefetched is how many prepared inputs there are: those being answered, one
// being prepared, and three that wait between them.
const maxPrefetched = inFlight + 4

// An input is one frame as frame.onnx takes it.
type input struct {
	image tensor[uint8]
	state inputState
	seq   uint64
	at    time.Time
	w, h  int           // of the frame
	took  time.Duration // to make it
	made  int           // counts all that were made
}

type inputState int

const (
	vacant inputState = iota
	busy              // being made, or in a run
	ready
)

// A prefetcher holds the inputs prepared before their turn. Every method may be
// called from any goroutine.
type prefetcher struct {
	mu     sync.Mutex
	closed bool
	all    [maxPrefetched]input
	made   int
}

// Prepare resizes f while a run is under way, so that Ground finds it done when
// f's turn comes. A frame whose turn never comes costs its place only until it
// is needed. Errors are ErrClosed and those of Options.Square.
func (g *Grounder) Prepare(f *camera.Frame) error {
	in, err := g.prefetch.acquire()
	if err != nil || in == nil {
		return err
	}
	began := time.Now()
	if err := g.square(f, g.bundle.Image.Size, in.image.memory); err != nil {
		g.prefetch.release(in, vacant)
		return fmt.Errorf("prepare frame %d: %w", f.Seq, err)
	}
	in.seq, in.at, in.w, in.h, in.took = f.Seq, f.At, f.Width, f.Height, time.Since(began)
	g.prefetch.release(in, ready)
	return nil
}

// acquire is an input to write to: a vacant one, or else the oldest. It is nil
// when all are busy.
func (p *prefetcher) acquire() (*input, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("prepare frame: %w", ErrClosed)
	}
	var best *input
	for i := range p.all {
		in := &p.all[i]
		if in.state == busy {
			continue
		}
		if best == nil || in.state == vacant && best.state != vacant || in.state == best.state && in.made < best.made {
			best = in
		}
	}
	if best != nil {
		best.state = busy
	}
	return best, nil
}

// take is the input of f, if it was prepared; the caller releases it.
func (p *prefetcher) take(f *camera.Frame) *input {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.all {
		in := &p.all[i]
		if in.state == ready && in.seq == f.Seq && in.at.Equal(f.At) && in.w == f.Width && in.h == f.Height {
			in.state = busy
			return in
		}
	}
	return nil
}

// release gives an input back as vacant, or ready.
func (p *prefetcher) release(in *input, as inputState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if as == ready {
		p.made++
		in.made = p.made
	}
	in.state = as
}

// make makes all tensors of side by side pixels.
func (p *prefetcher) make(side int64) error {
	var errs []error
	for i := range p.all {
		errs = append(errs, p.all[i].image.resize(1, side, side, 3))
	}
	return errors.Join(errs...)
}

// free gives the tensors back. Their memory stays for who still writes to it.
func (p *prefetcher) free() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for i := range p.all {
		errs = append(errs, p.all[i].image.free())
	}
	return errors.Join(errs...)
}
