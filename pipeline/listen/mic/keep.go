package mic

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Times of keeping a microphone.
const (
	beatless   = 2500 * time.Millisecond // without sound: it is gone; an idle server may need 2 s for the first
	looks      = 250 * time.Millisecond  // between two looks at that
	openLimit  = 4 * time.Second         // for opening
	closeLimit = 700 * time.Millisecond  // for closing: a device whose server died may hang for ever
	firstPause = 250 * time.Millisecond  // before opening again
	mostPause  = 1500 * time.Millisecond
)

// mostStuck is how many openings may hang: with so many a new one would, too.
const mostStuck = 3

// Why a microphone cannot be opened.
var (
	errNoDevice = errors.New("no microphone")
	errRefused  = errors.New("not allowed")
	errSlow     = fmt.Errorf("it does not open within %v", openLimit)
)

// An opener opens a microphone that calls hear from a thread of its own, with
// s16le samples, until close returns.
type opener func(hear func(raw []byte)) (device, error)

// A device is a microphone that is open.
type device struct {
	name  string
	close func() // may hang
}

// keep opens the microphone again and again, until Close.
func (m *Mic) keep() {
	defer close(m.done)
	pause := firstPause
	for {
		s, err := m.begin()
		switch {
		case err == nil:
			lasted := m.watch(s)
			s.end()
			if m.isClosed() {
				return
			}
			if lasted {
				m.set(Lost, "no sound comes from it any more", "")
				pause = firstPause
			} else {
				m.set(NoDevice, "no sound comes from it", "")
			}
		case m.isClosed():
			return
		case errors.Is(err, errRefused):
			m.set(Refused, err.Error(), "")
		default:
			m.set(NoDevice, err.Error(), "")
		}
		select {
		case <-m.closed:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
}

func (m *Mic) isClosed() bool {
	select {
	case <-m.closed:
		return true
	default:
		return false
	}
}

// A session is one opening of the device. What is left behind, because it
// hangs, is deaf from then on.
type session struct {
	device device
	gone   *atomic.Bool
}

// begin opens the device, or gives up when that takes too long or Close comes.
func (m *Mic) begin() (session, error) {
	s := session{gone: new(atomic.Bool)}
	if m.stuck.Load() >= mostStuck {
		return s, errSlow
	}
	type opened struct {
		device device
		err    error
	}
	result := make(chan opened)
	left := make(chan struct{})
	m.stuck.Add(1)
	go func() {
		defer m.stuck.Add(-1)
		d, err := m.open(func(raw []byte) {
			if !s.gone.Load() {
				m.hear(raw)
			}
		})
		select {
		case result <- opened{d, err}:
		case <-left:
			if err == nil {
				d.close()
			}
		}
	}()
	limit := time.NewTimer(openLimit)
	defer limit.Stop()
	select {
	case o := <-result:
		s.device = o.device
		return s, o.err
	case <-m.closed:
	case <-limit.C:
	}
	s.gone.Store(true)
	close(left)
	return s, errSlow
}

// watch returns when no sound comes any more, or at Close. It says whether any
// came.
func (m *Mic) watch(s session) (lasted bool) {
	opened := time.Since(m.epoch)
	look := time.NewTicker(looks)
	defer look.Stop()
	for {
		select {
		case <-m.closed:
			return lasted
		case <-look.C:
		}
		last := max(opened, time.Duration(m.beat.Load()))
		if last > opened && !lasted {
			lasted = true
			m.fresh.Store(true)
			m.set(Good, "", s.device.name)
		}
		if time.Since(m.epoch)-last > beatless {
			return lasted
		}
	}
}

// end closes the device, or leaves it behind when it hangs.
func (s session) end() {
	s.gone.Store(true)
	within(closeLimit, s.device.close)
}

// within runs f and waits for it, but not for ever.
func within(limit time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
