package listen

import (
	"context"
	"io"
	"sync"
	"time"
)

// longest is how many utterances wait for the one that is written down.
const longest = 2

// A waiting utterance and when it came.
type waiting struct {
	Utterance
	spoken  time.Time // when the voice fell silent
	decided time.Time // when that was known
}

// A queue holds utterances between who hears and who understands; the newest
// matter most.
type queue struct {
	mu    sync.Mutex
	in    []waiting
	works bool // one is taken and not done
	ended bool
	rang  chan struct{} // a doorbell of capacity 1
}

func (q *queue) init() { q.rang = make(chan struct{}, 1) }

// put adds one and says whether that drops the oldest.
func (q *queue) put(w waiting) (dropped bool) {
	q.mu.Lock()
	if dropped = len(q.in) == longest; dropped {
		q.in = q.in[:copy(q.in, q.in[1:])]
	}
	q.in = append(q.in, w)
	q.mu.Unlock()
	q.ring()
	return dropped
}

func (q *queue) ring() {
	select {
	case q.rang <- struct{}{}:
	default:
	}
}

// end says that no more will come.
func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.ring()
}

// take waits for the next; io.EOF when none will come.
func (q *queue) take(ctx context.Context) (waiting, error) {
	for {
		if w, ok, err := q.next(); ok || err != nil {
			return w, err
		}
		select {
		case <-q.rang:
		case <-ctx.Done():
			return waiting{}, ctx.Err()
		}
	}
}

func (q *queue) next() (w waiting, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.in) > 0:
		w, q.in, q.works = q.in[0], q.in[1:], true
		return w, true, nil
	case q.ended:
		return w, false, io.EOF
	}
	return w, false, nil
}

func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.works = false
}

// busy says whether anything is being written down, or waits for it.
func (q *queue) busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.works || len(q.in) > 0
}
