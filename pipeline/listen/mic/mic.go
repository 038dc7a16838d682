// Package mic listens with a microphone. What breaks, comes back: a device that
// is unplugged or a sound server that ends is opened again when it is there.
package mic

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"deixis/pipeline/listen"
)

// A State says how a microphone is.
type State string

// The states.
const (
	Starting State = "starting"
	Good     State = "ok"
	Silent   State = "silent"    // it runs, and gives nothing but zeros
	NoDevice State = "no device" // there is none, or no sound server, or it gives no sound
	Refused  State = "refused"   // the system does not allow it
	Lost     State = "lost"      // it was there, and is opened again
)

// A Status is what is known of a microphone.
type Status struct {
	State   State
	Why     string // what the system says, for states that are none of Starting and Good
	Device  string // its name, when it is open
	Losses  int    // how often it was lost
	Dropped uint64 // pieces of sound that nobody fetched in time
}

// Options choose a microphone.
type Options struct {
	Device string       // part of its name, or ""
	Log    *slog.Logger // changes of state; nil: nowhere
}

// silentAfter is how long nothing but zeros comes before that is a state.
const silentAfter = 3 * listen.Rate // samples

// buffered is how many pieces of sound wait to be fetched, two seconds: the
// oldest goes when one more comes.
const buffered = 64

// A Mic is a listen.Source that does not end before Close. Read is for one
// goroutine, the rest for any.
type Mic struct {
	open  opener
	log   *slog.Logger
	sound chan []byte // s16le, one channel, listen.Rate
	rest  []byte
	zeros int // samples of nothing, in a row

	closed, done chan struct{}
	once         sync.Once
	dropped      atomic.Uint64
	stuck        atomic.Int32 // openings that have not come back
	fresh        atomic.Bool  // the device was opened, and Read has not noticed yet
	beat         atomic.Int64 // when the last sound came, since epoch
	epoch        time.Time

	mu     sync.Mutex
	status Status
}

// Open opens a microphone, now or as soon as there is one.
func Open(o Options) *Mic { return start(system(o.Device), o.Log) }

func start(open opener, log *slog.Logger) *Mic {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	m := &Mic{
		open: open, log: log, sound: make(chan []byte, buffered),
		closed: make(chan struct{}), done: make(chan struct{}), epoch: time.Now(),
		status: Status{State: Starting},
	}
	go m.keep()
	return m
}

// hear takes sound from the device's own thread: it copies and never waits.
func (m *Mic) hear(raw []byte) {
	m.beat.Store(int64(time.Since(m.epoch)))
	piece := append([]byte(nil), raw...)
	for {
		select {
		case m.sound <- piece:
			return
		default:
		}
		select {
		case <-m.sound:
			m.dropped.Add(1)
		default:
		}
	}
}

// Read waits for sound. A microphone that is away gives none, and no error:
// Status says why. io.EOF is after Close.
func (m *Mic) Read(ctx context.Context, pcm []float32) (int, error) {
	for len(m.rest) < 2 {
		select {
		case m.rest = <-m.sound:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-m.closed:
			return 0, io.EOF
		}
	}
	n := min(len(pcm), len(m.rest)/2)
	listen.Samples(pcm, m.rest[:2*n])
	m.rest = m.rest[2*n:]
	m.notice(pcm[:n])
	return n, nil
}

// notice tells silence from a microphone that is off.
func (m *Mic) notice(pcm []float32) {
	if m.fresh.Swap(false) {
		m.zeros = 0
	}
	for _, x := range pcm {
		if x != 0 {
			m.zeros = 0
			m.change(Silent, Good, "")
			return
		}
	}
	if m.zeros += len(pcm); m.zeros >= silentAfter {
		m.change(Good, Silent, "it gives nothing but zeros: muted, or no microphone")
	}
}

// Status says how the microphone is.
func (m *Mic) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Dropped = m.dropped.Load()
	return s
}

// Trouble says why no sound comes; "" while it does.
func (m *Mic) Trouble() string {
	switch s := m.Status(); s.State {
	case Good, Starting:
		return ""
	default:
		return fmt.Sprintf("microphone: %s: %s", s.State, s.Why)
	}
}

// change goes from one state to another, if it is in that one.
func (m *Mic) change(from, to State, why string) {
	m.mu.Lock()
	is := m.status.State == from
	m.mu.Unlock()
	if is {
		m.set(to, why, m.Status().Device)
	}
}

// set notes a state and logs it where it is new.
func (m *Mic) set(to State, why, device string) {
	m.mu.Lock()
	was := m.status
	m.status.State, m.status.Why, m.status.Device = to, why, device
	if to == Lost {
		m.status.Losses++
	}
	m.mu.Unlock()
	switch {
	case was.State == to && was.Why == why:
	case to == Good:
		m.log.Info("microphone listens", "device", device)
	default:
		m.log.Warn("microphone", "state", string(to), "why", why)
	}
}

// Close ends it, in less than two seconds even where the system hangs.
func (m *Mic) Close() error {
	m.once.Do(func() { close(m.closed) })
	<-m.done
	return nil
}
