package robot

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"deixis/pipeline"
)

// An out is a way with its mailbox and what became of it.
type out struct {
	Out
	log  *slog.Logger
	bell chan struct{}

	mu      sync.Mutex
	next    *Parcel // nil: nothing new
	sent    uint64
	skipped uint64 // messages that a newer one took the place of
	errors  uint64
	err     error // the newest; nil while the way goes
	failing bool  // that it fails was told, and not yet that it goes again
	failed  time.Time
}

// mostEvents is how many events wait for a way that is away; then the oldest are lost.
const mostEvents = 100

// put leaves a message, and never waits.
func (o *out) put(m *Message, raw []byte, events []Event) {
	o.mu.Lock()
	next := &Parcel{Message: m, JSON: raw, Events: events}
	if before := o.next; before != nil {
		if before.Message != nil {
			o.skipped++
		}
		next.Events = append(before.Events[:len(before.Events):len(before.Events)], events...)
		next.Events = next.Events[max(0, len(next.Events)-mostEvents):]
	}
	o.next = next
	o.mu.Unlock()
	ring(o.bell)
}

func (o *out) take() *Parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.next
	o.next = nil
	return p
}

// restore puts back a parcel that nobody tried to send, unless there is a newer one: then
// its events.
func (o *out) restore(p *Parcel) {
	o.mu.Lock()
	empty := o.next == nil
	if empty {
		o.next = p
	}
	o.mu.Unlock()
	if !empty && p != nil {
		o.putBack(p)
	}
}

// putBack keeps the events of a parcel that could not be sent. Its message is lost: it
// would be stale when the way goes again.
func (o *out) putBack(p *Parcel) {
	if len(p.Events) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	next := &Parcel{}
	if o.next != nil {
		*next = *o.next
	}
	next.Events = append(p.Events[:len(p.Events):len(p.Events)], next.Events...)
	next.Events = next.Events[max(0, len(next.Events)-mostEvents):]
	o.next = next
}

// How long to wait after an error, how long what is being sent at the end may take, and
// how long the last message and the leave together.
const (
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 2 * time.Second
	finish       = time.Second
	farewell     = time.Second
)

// run sends what is put until over is closed, then the last of it, and closes the way.
// What is being sent when ctx ends is finished, if that takes no longer than finish: a
// connection that is cut in the middle of a message has no last message any more.
func (o *out) run(ctx context.Context, over <-chan struct{}) {
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		select {
		case <-over:
			pause(finish, lasting.Done())
			stop()
		case <-lasting.Done():
		}
	}()
	backoff := firstBackoff
	for o.wait(over) {
		p := o.take()
		if ctx.Err() != nil { // what waits is for the farewell, whose context goes on
			o.restore(p)
			<-over
			break
		}
		if p == nil {
			continue
		}
		if o.told(ctx, p, o.To.Send(lasting, p)) {
			backoff = firstBackoff
			continue
		}
		o.putBack(p)
		pause(backoff, over)
		backoff = min(2*backoff, mostBackoff)
		ring(o.bell)
	}
	ctx, leave := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer leave()
	if p := o.take(); p != nil {
		o.told(ctx, p, o.To.Send(ctx, p))
	}
	if err := o.To.Close(ctx); err != nil {
		o.log.Debug("a way out did not close well", "way", o.Name, "err", err)
	}
}

// wait waits for something to send, and is false when over is closed.
func (o *out) wait(over <-chan struct{}) bool {
	select {
	case <-over:
		return false
	default:
	}
	select {
	case <-o.bell:
		return true
	case <-over:
		return false
	}
}

// pause waits for d, or until over is closed.
func pause(d time.Duration, over <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-over:
	}
}

// settled is how long a way must go well until its failing is over: UDP may fail at
// every other message.
const settled = 5 * time.Second

// told counts what came of p and tells it, once for as long as a way fails. It is
// whether p was sent.
func (o *out) told(ctx context.Context, p *Parcel, err error) bool {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.errors++
		o.err, o.failed = err, now
		if !o.failing && ctx.Err() == nil {
			o.failing = true
			o.log.Warn("target messages do not go out and are tried again; the rest goes on", "way", o.Name, "err", err)
		}
		return false
	}
	if o.err = nil; p.Message != nil {
		o.sent++
	}
	if o.failing && now.Sub(o.failed) >= settled {
		o.failing = false
		o.log.Info("target messages go out again", "way", o.Name)
	}
	return true
}

func (o *out) stats() pipeline.OutputStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := pipeline.OutputStats{Name: o.Name, Shown: o.sent, Skipped: o.skipped, Errors: o.errors}
	if o.err != nil {
		s.Err = o.err.Error()
	}
	return s
}
