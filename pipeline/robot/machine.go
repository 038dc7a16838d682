package robot

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/event"
	"deixis/pipeline/robot/lens"
)

// What a Machine takes where Config says nothing.
const (
	DefaultValidFor  = 500 * time.Millisecond
	DefaultHeartbeat = 200 * time.Millisecond
)

// Config says what a Machine sends and by which rules. The zero value will do.
type Config struct {
	Name, Source, Boot string // as in Message

	Latency   time.Duration    // how long light takes to become a frame, which no source tells
	ValidFor  time.Duration    // how long after its capture a locked target may be acted on; 0: DefaultValidFor
	Heartbeat time.Duration    // a message goes out after this long without one; 0: DefaultHeartbeat
	Rules     Rules            // what must not be acted on
	Lens      *lens.Lens       // nil: messages have no bearing
	Sizes     []lens.KnownSize // of things by name
	Follow    *Law             // nil: messages do not say how to follow
	Ranger    Ranger           // nil: messages have no depth
}

// An Update is what goes out at once: a message, and what of it is news.
type Update struct {
	Message Message
	Events  []Event
	Changed bool // state, phrase, track or rule are others than in the message before
}

// A Machine turns what happens on the line into messages. It reads no clock and starts
// nothing: each call says what time it is, and times must not fall. Its methods belong
// to one goroutine at a time.
type Machine struct {
	c     Config
	boot  time.Time
	guard guard
	rates rateMeter
	turn  follower

	asked string
	away  string    // why the source gives no pictures; "" while it does
	back  time.Time // when it gave them again
	ended bool      // nothing is looked for any more
	seen  *sighting // what the newest picture shows of asked; nil before the first

	last    Message
	sent    time.Time // of last
	episode episode

	fits    *lens.Lens // Lens for pictures of size
	size    [2]int
	lensErr error
}

// NewMachine begins a boot at now, looking for nothing.
func NewMachine(c Config, now time.Time) *Machine {
	if c.ValidFor == 0 {
		c.ValidFor = DefaultValidFor
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = DefaultHeartbeat
	}
	m := &Machine{c: c, boot: now, guard: guard{Rules: c.Rules}}
	if c.Follow != nil {
		m.turn.Law = *c.Follow
	}
	return m
}

// A sighting is what one picture shows of the phrase that is looked for.
type sighting struct {
	view     pipeline.View // its box is in the source's own pixels
	frame    uint64
	size     [2]int
	captured time.Time // the picture that the box is known in, less latency
	found    time.Time // the picture that was answered, less latency; zero before the first answer
	bearing  *lens.Bearing
	rate     *Rate
	distance *float64
	depth    *Depth
	follow   *Follow
	state    pipeline.State // as the rules have it
	refused  *Refusal
}

// Ask says that phrase is looked for from now on; "" is nothing.
func (m *Machine) Ask(now time.Time, phrase string) Update {
	if phrase != m.asked {
		m.asked, m.seen = phrase, nil
		m.guard.forget()
		m.turn.stop()
	}
	return m.send(now)
}

// settling is how long the line may need to show what it had when the source came back.
const settling = 100 * time.Millisecond

// Frame takes what the line shows: views on f. It is false, and there is nothing to
// send, where the views do not know the phrase yet, and where the source is away or was
// when the picture was taken that was answered.
func (m *Machine) Frame(now time.Time, f *camera.Frame, views []pipeline.View) (Update, bool) {
	if m.asked == "" || m.away != "" {
		return Update{}, false
	}
	i := slices.IndexFunc(views, func(v pipeline.View) bool { return v.Phrase == m.asked })
	if i < 0 || !m.back.IsZero() && now.Add(-views[i].Age).Before(m.back.Add(settling)) {
		return Update{}, false
	}
	m.see(now, f, views[i])
	return m.send(now), true
}

// Away says why the source gives no pictures, "" that it does. It is false where that
// is no news.
func (m *Machine) Away(now time.Time, why string) (Update, bool) {
	if why == m.away {
		return Update{}, false
	}
	if m.away = why; why == "" {
		m.back = now
		return m.send(now), true
	}
	m.turn.stop()
	if s := m.seen; s != nil {
		s.view = pipeline.View{Phrase: m.asked, State: pipeline.Lost, Track: s.view.Track}
		s.state, s.refused = pipeline.Lost, nil
	}
	return m.send(now), true
}

// ErrNotProposed says that there is nothing to confirm.
var ErrNotProposed = errors.New("nothing is proposed that could be confirmed")

// Confirm locks the target that is proposed: track, or whichever it is for 0. Its error
// is ErrNotProposed.
func (m *Machine) Confirm(now time.Time, track int) (Update, error) {
	s := m.seen
	switch {
	case s == nil || s.refused == nil || s.refused.Rule != RuleConfirm || now.Sub(s.captured) > m.c.ValidFor:
		return Update{}, ErrNotProposed
	case track != 0 && track != s.view.Track:
		return Update{}, fmt.Errorf("%w: target %d was confirmed, and %d is proposed", ErrNotProposed, track, s.view.Track)
	}
	m.guard.confirmed = s.view.Track
	m.decide(s)
	return m.send(now), nil
}

// End is the last message: the sender ends.
func (m *Machine) End(now time.Time) Update {
	m.ended = true
	return m.send(now)
}

// Next is when Tick is due.
func (m *Machine) Next() time.Time {
	next := m.sent.Add(m.c.Heartbeat)
	if s := m.seen; s != nil && s.view.HasBox() && m.last.Box != nil {
		if over := s.captured.Add(m.c.ValidFor); over.Before(next) {
			return over
		}
	}
	return next
}

// Tick sends the heartbeat, or that the target is too old. It is false where neither
// is due.
func (m *Machine) Tick(now time.Time) (Update, bool) {
	if now.Before(m.Next()) {
		return Update{}, false
	}
	return m.send(now), true
}

// SetLens says through which lens the pictures come from now on.
func (m *Machine) SetLens(l *lens.Lens) {
	m.c.Lens, m.fits, m.size, m.lensErr = l, nil, [2]int{}, nil
}

// LensErr is why messages have no bearing though there is a lens; nil where they do.
func (m *Machine) LensErr() error { return m.lensErr }

// see takes v, which f shows, for the newest sighting.
func (m *Machine) see(now time.Time, f *camera.Frame, v pipeline.View) {
	s := &sighting{view: v, frame: f.Seq, size: [2]int{f.Width, f.Height}, captured: f.At.Add(-m.c.Latency)}
	if !v.At.IsZero() {
		s.found = now.Add(-v.Age - m.c.Latency)
	}
	if v.HasBox() {
		if f.Mirrored {
			s.view.Box = v.Box.Mirror(f.Width)
		}
		if !v.At.IsZero() {
			s.captured = v.At.Add(-m.c.Latency)
		}
		m.measure(s)
	} else {
		m.rates.add(0, s.captured, nil)
	}
	m.decide(s)
	m.seen = s
}

// measure fills in what the lens and the depth say of the box.
func (m *Machine) measure(s *sighting) {
	l := m.lensFor(s.size)
	if m.c.Ranger != nil {
		if r, ok := m.c.Ranger.Range(s.view.Box, s.size[0], s.size[1]); ok {
			s.depth = newDepth(r, s.view.Box, l)
		}
	}
	if l == nil {
		return
	}
	if b, ok := l.Bearing(s.view.Box); ok {
		s.bearing = &b
	}
	s.rate = m.rates.add(s.view.Track, s.captured, s.bearing)
	if k, ok := lens.SizeOf(m.c.Sizes, s.view.Phrase); ok {
		if d, ok := l.Distance(s.view.Box, k.Metres, k.Wide); ok {
			d = model.Round(d, 3)
			s.distance = &d
		}
	}
}

func (m *Machine) lensFor(size [2]int) *lens.Lens {
	if m.c.Lens != nil && size != m.size {
		m.size = size
		m.fits, m.lensErr = m.c.Lens.For(size[0], size[1])
	}
	return m.fits
}

// decide holds the rules against s, and follows what is locked.
func (m *Machine) decide(s *sighting) {
	s.state, s.refused = m.guard.judge(s)
	if s.state != pipeline.Locked || s.bearing == nil {
		m.turn.stop()
		return
	}
	if m.c.Follow != nil {
		s.follow = m.turn.step(s.captured, s.view.Box, s.size, s.bearing, s.rate)
	}
}

// send makes the next message.
func (m *Machine) send(now time.Time) Update {
	next := m.message(now)
	before := m.last
	m.last, m.sent = next, now
	return Update{
		Message: next, Events: m.episode.follow(&before, &next),
		Changed: before.Seq == 0 || before.State != next.State || before.Phrase != next.Phrase || before.Track != next.Track || rule(&before) != rule(&next),
	}
}

func rule(m *Message) string {
	if m.Refused == nil {
		return ""
	}
	return m.Refused.Rule
}

// message says what is known at now.
func (m *Machine) message(now time.Time) Message {
	next := Message{
		V: 1, Name: m.c.Name, Source: m.c.Source, Boot: m.c.Boot, Seq: m.last.Seq + 1,
		UpMS: ms(now.Sub(m.boot)), Sent: stamp(now), ValidUntil: stamp(now),
	}
	if m.c.Follow != nil {
		next.Follow = &Follow{}
	}
	view := pipeline.View{Phrase: m.asked}
	s := m.seen
	if s != nil {
		view = s.view
		view.State, next.Refused = s.state, s.refused
		if view.Age = 0; !s.found.IsZero() {
			view.Age = max(0, now.Sub(s.found))
		}
		captured := stamp(s.captured)
		next.Frame, next.Size, next.Captured, next.At = s.frame, s.size, &captured, s.captured.Add(m.c.Latency)
	}
	if no := m.stale(now); no != nil {
		next.Refused = no
		if m.asked != "" && no.Rule != RulePhrase {
			view.State = pipeline.Lost
		}
		view.Box = model.Box{}
	}
	next.Target = event.NewTarget(&view)
	if view.HasBox() {
		next.Bearing, next.Rate, next.DistanceM, next.Depth = newBearing(s.bearing), s.rate, s.distance, s.depth
	}
	if view.State == pipeline.Locked {
		left := s.captured.Add(m.c.ValidFor).Sub(now)
		next.ValidForMS, next.ValidUntil = ms(left), stamp(now.Add(left))
		if s.follow != nil {
			next.Follow = s.follow
		}
	}
	return next
}

// stale is why nothing that was seen holds any more; nil where it does.
func (m *Machine) stale(now time.Time) *Refusal {
	s := m.seen
	switch {
	case m.ended:
		return &Refusal{RuleEnd, "the sender ends"}
	case m.asked == "":
		return &Refusal{RulePhrase, "nothing is looked for"}
	case m.away != "":
		return &Refusal{RuleSource, m.away}
	case s != nil && s.view.HasBox() && now.Sub(s.captured) >= m.c.ValidFor:
		return &Refusal{RuleAge, fmt.Sprintf("the newest picture of it is %d ms old, at most %d are allowed", now.Sub(s.captured).Milliseconds(), m.c.ValidFor.Milliseconds())}
	}
	return nil
}
