package onnx

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"deixis/camera"
)

// kept is how many prepared pictures there are: those being answered, one being
// prepared, and three that wait between them.
const kept = lanes + 4

// A square is a picture as the network takes it, of one frame.
type square struct {
	image slot[uint8]
	state squareState
	seq   uint64
	at    time.Time
	w, h  int           // of the frame
	took  time.Duration // to make it
	made  int           // counts all that were made
}

type squareState int

const (
	vacant squareState = iota
	busy               // being made, or in a run
	ready
)

// squares are the pictures prepared beforehand. Every method may be called
// from any goroutine.
type squares struct {
	mu     sync.Mutex
	closed bool
	all    [kept]square
	made   int
}

// Prepare resizes f while a run is under way, so that Ground finds it done when
// f's turn comes. A frame whose turn never comes costs its place only until it
// is needed. Errors are ErrClosed and those of Options.Square.
func (g *Grounder) Prepare(f *camera.Frame) error {
	s, err := g.ahead.claim()
	if err != nil || s == nil {
		return err
	}
	began := time.Now()
	if err := g.square(f, g.bundle.Image.Size, s.image.memory); err != nil {
		g.ahead.release(s, vacant)
		return fmt.Errorf("prepare frame %d: %w", f.Seq, err)
	}
	s.seq, s.at, s.w, s.h, s.took = f.Seq, f.At, f.Width, f.Height, time.Since(began)
	g.ahead.release(s, ready)
	return nil
}

// claim is a square to write to: a vacant one, or else the oldest. It is nil
// when all are busy.
func (q *squares) claim() (*square, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, fmt.Errorf("prepare frame: %w", ErrClosed)
	}
	var best *square
	for i := range q.all {
		s := &q.all[i]
		if s.state == busy {
			continue
		}
		if best == nil || s.state == vacant && best.state != vacant || s.state == best.state && s.made < best.made {
			best = s
		}
	}
	if best != nil {
		best.state = busy
	}
	return best, nil
}

// take is the square of f, if it was prepared; the caller releases it.
func (q *squares) take(f *camera.Frame) *square {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.all {
		s := &q.all[i]
		if s.state == ready && s.seq == f.Seq && s.at.Equal(f.At) && s.w == f.Width && s.h == f.Height {
			s.state = busy
			return s
		}
	}
	return nil
}

// release gives a square back as vacant, or ready.
func (q *squares) release(s *square, as squareState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if as == ready {
		q.made++
		s.made = q.made
	}
	s.state = as
}

// make makes all tensors of side by side pixels.
func (q *squares) make(side int64) error {
	var errs []error
	for i := range q.all {
		errs = append(errs, q.all[i].image.resize(1, side, side, 3))
	}
	return errors.Join(errs...)
}

// free gives the tensors back. Their memory stays for who still writes to it.
func (q *squares) free() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	var errs []error
	for i := range q.all {
		errs = append(errs, q.all[i].image.free())
	}
	return errors.Join(errs...)
}
