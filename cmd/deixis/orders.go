package main

import (
	"errors"
	"sync"

	"deixis/pipeline"
	"deixis/pipeline/listen"
)

// orders do what a voice, a broker or a robot commands. Any goroutine may call its
// methods.
type orders struct {
	asker *pipeline.Asker
	locks locks
	gate  pipeline.Pauser

	confirm func(track int) error // locks the target that is proposed to a robot; 0 for whichever it is

	mu      sync.Mutex
	pinned  bool
	stopped []string // what was looked for before "stop"
}

// locks is what is commanded of the line.
type locks interface {
	Phrases() []string
	Reject() bool
	Pin(on bool)
}

// lateLine is the line of a show, which is made after what commands it.
type lateLine struct{ s *show }

func (l lateLine) Phrases() []string { return l.s.line.Phrases() }
func (l lateLine) Reject() bool      { return l.s.line.Reject() }
func (l lateLine) Pin(on bool)       { l.s.line.Pin(on) }

// look looks for texts, and ends a hold or a stop.
func (o *orders) look(texts []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.gate.Nudge() // a picture that stands is answered anew
	o.pin(false)
	o.stopped = nil
	return o.asker.Ask(texts)
}

// command does what c orders of what is looked for.
func (o *orders) command(c listen.Command) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.gate.Nudge()
	switch c {
	case listen.Stop, listen.Clear:
		return o.quiet(c == listen.Stop)
	case listen.Other:
		if !o.locks.Reject() {
			return errors.New("nothing is shown that another could take the place of")
		}
	case listen.Hold:
		o.pin(true)
	case listen.GoOn:
		return o.goOn()
	case listen.Confirm:
		return o.confirm(0)
	}
	return nil
}

// held says whether locks stay on their targets.
func (o *orders) held() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pinned
}

// quiet looks for nothing any more, and may remember what was looked for.
func (o *orders) quiet(remember bool) error {
	now := o.locks.Phrases()
	if len(now) == 0 {
		return errors.New("nothing is looked for")
	}
	o.pin(false)
	if o.stopped = nil; remember {
		o.stopped = now
	}
	return o.asker.Replace(nil)
}

// goOn ends a hold, or a stop.
func (o *orders) goOn() error {
	switch {
	case o.pinned:
		o.pin(false)
		return nil
	case len(o.stopped) > 0 && len(o.locks.Phrases()) == 0:
		return o.asker.Ask(o.stopped)
	}
	return errors.New("nothing is held or stopped")
}

func (o *orders) pin(on bool) {
	o.pinned = on
	o.locks.Pin(on)
}
