package robot

import "strconv"

// An episode is the life of one target, from when there is something to point at
// until it is gone. The zero value has none.
type episode struct {
	n      int // of this one, from 1
	on     bool
	phrase string
	track  int
}

// follow is what happens to the target from one message to the next.
func (e *episode) follow(before, now *Message) (events []Event) {
	there := now.Box != nil
	same := there && now.Phrase == e.phrase && now.Track == e.track
	if e.on && !same {
		events = append(events, e.event("end", now))
		e.on = false
	}
	switch {
	case there && !e.on:
		e.on, e.phrase, e.track = true, now.Phrase, now.Track
		e.n++
		events = append(events, e.event("new", now))
	case there && (before.State != now.State || rule(before) != rule(now)):
		events = append(events, e.event("update", now))
	}
	return events
}

func (e *episode) event(kind string, m *Message) Event {
	return Event{V: 1, Type: kind, ID: m.Boot + "." + strconv.Itoa(e.n), Phrase: e.phrase, Track: e.track, Target: *m}
}
