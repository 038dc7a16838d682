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
	guess   bool      // it may go on yet
}

// A queue holds utterances between who hears and who understands; the newest
// matter most.
type queue struct {
	mu     sync.Mutex
	in     []waiting
	guess  *waiting // what may be an utterance soon, for when there is nothing better to do
	begun  *waiting // a guess that is being written down
	proved *waiting // the utterance that begun turned out to be: it waits for no place
	works  bool     // one is taken and not done
	ended  bool
	rang   chan struct{} // a doorbell of capacity 1
}

func (q *queue) init() { q.rang = make(chan struct{}, 1) }

// put adds one and says whether that drops the oldest.
func (q *queue) put(w waiting) (dropped bool) {
	q.mu.Lock()
	if b := q.begun; b != nil && b.Start == w.Start && b.End == w.End {
		q.proved = &w
		q.mu.Unlock()
		q.ring()
		return false
	}
	if dropped = len(q.in) == longest; dropped {
		q.in = q.in[:copy(q.in, q.in[1:])]
	}
	q.in, q.guess = append(q.in, w), nil
	q.mu.Unlock()
	q.ring()
	return dropped
}

// maybe has one written down ahead, in place of any before.
func (q *queue) maybe(w waiting) {
	q.mu.Lock()
	q.guess = &w
	q.mu.Unlock()
	q.ring()
}

// disprove says that the voice goes on, and tells whether what is being written
// down of it is therefore of no use.
func (q *queue) disprove() (useless bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.guess = nil
	return q.begun != nil && q.proved == nil
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
	q.begun = nil
	switch {
	case q.proved != nil:
		w, q.proved, q.works = *q.proved, nil, true
		return w, true, nil
	case len(q.in) > 0:
		w, q.in, q.works = q.in[0], q.in[1:], true
		return w, true, nil
	case q.guess != nil:
		w, q.begun, q.guess = *q.guess, q.guess, nil
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
	return q.works || q.proved != nil || len(q.in) > 0
}
