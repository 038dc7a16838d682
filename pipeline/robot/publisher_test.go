package robot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// A wire is a way that remembers what went over it.
type wire struct {
	broken atomic.Bool
	stuck  atomic.Bool // Send hangs until its context ends
	mu     sync.Mutex
	went   []Message
	events []Event
	closed bool
}

var errBroken = errors.New("nobody listens")

func (w *wire) Send(ctx context.Context, p *Parcel) error {
	if w.stuck.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if w.broken.Load() {
		return errBroken
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, p.Events...)
	if p.Message == nil {
		return nil
	}
	var m Message
	if err := json.Unmarshal(p.JSON, &m); err != nil {
		return err
	}
	w.went = append(w.went, m)
	return nil
}

func (w *wire) Close(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return nil
}

// taken is what went since it was last asked.
func (w *wire) taken() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	some := w.went
	w.went = nil
	return some
}

// A studio is a publisher that runs, on synctest's clock.
type studio struct {
	*Publisher
	t    *testing.T
	away atomic.Pointer[string]
	log  bytes.Buffer
	seq  uint64
	end  func()
}

func newStudio(t *testing.T, ways ...*wire) *studio { return newKeptStudio(t, nil, ways...) }

// newKeptStudio is one of which k remembers what was told.
func newKeptStudio(t *testing.T, k Keeper, ways ...*wire) *studio {
	s := &studio{t: t}
	none := ""
	s.away.Store(&none)
	c := PublisherConfig{
		Config: Config{Boot: "B", ValidFor: 500 * time.Millisecond, Heartbeat: 200 * time.Millisecond},
		Away:   func() string { return *s.away.Load() }, Log: slog.New(slog.NewTextHandler(&s.log, nil)), Keeper: k,
	}
	for i, w := range ways {
		c.Outs = append(c.Outs, Out{Name: string(rune('a' + i)), To: w})
	}
	s.Publisher = NewPublisher(c)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.end = func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return s
}

func (s *studio) show(v pipeline.View) {
	s.t.Helper()
	s.seq++
	v.Phrase, v.At = "the cup", time.Now()
	if err := s.Show(s.t.Context(), &camera.Frame{Seq: s.seq, At: time.Now(), Width: 640, Height: 480}, []pipeline.View{v}); err != nil {
		s.t.Error(err)
	}
	synctest.Wait()
}

func (s *studio) ask(texts ...string) {
	var ps []model.Phrase
	for _, t := range texts {
		ps = append(ps, model.Phrase{Text: t})
	}
	s.Ask(ps)
	synctest.Wait()
}

func states(ms []Message) string {
	var all []string
	for _, m := range ms {
		all = append(all, m.State)
	}
	return strings.Join(all, " ")
}

func TestPublisherTellsAtOnceAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		s := newStudio(t, &w)
		synctest.Wait()
		if got := states(w.taken()); got != "searching" {
			t.Errorf("at the start: %s", got)
		}
		s.ask("the cup", "the dog")
		s.show(locked(320, 240))
		if got := states(w.taken()); got != "searching locked" {
			t.Errorf("with the first picture: %s", got)
		}
		time.Sleep(450 * time.Millisecond)
		if got := states(w.taken()); got != "locked locked" {
			t.Errorf("heartbeats: %s", got)
		}
		time.Sleep(51 * time.Millisecond)
		synctest.Wait()
		if got := states(w.taken()); got != "lost" {
			t.Errorf("when it is too old: %s", got)
		}
		s.show(locked(320, 240))
		w.taken()
		away := "the camera is away"
		s.away.Store(&away)
		time.Sleep(lookEvery)
		synctest.Wait()
		ms := w.taken()
		if len(ms) != 1 || ms[0].State != "lost" || ms[0].Refused.Why != away {
			t.Errorf("the source leaves: %+v", ms)
		}
		s.end()
		ms = w.taken()
		if len(ms) != 1 || ms[0].Refused.Rule != RuleEnd || !w.closed {
			t.Errorf("at the end: %+v, closed %v", ms, w.closed)
		}
	})
}

func TestPublisherConfirms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		s := newStudio(t, &w)
		defer s.end()
		s.machine.guard.Confirm = true
		s.ask("the cup")
		if err := s.Confirm(0); !errors.Is(err, ErrNotProposed) {
			t.Errorf("got %v", err)
		}
		s.show(locked(320, 240))
		if err := s.Confirm(1); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if ms := w.taken(); ms[len(ms)-1].State != "locked" {
			t.Errorf("%+v", ms[len(ms)-1])
		}
	})
}

func TestAWayThatFailsFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var good, bad, stuck wire
		bad.broken.Store(true)
		stuck.stuck.Store(true)
		s := newStudio(t, &good, &bad, &stuck)
		s.ask("the cup")
		for range 300 { // ten seconds
			s.show(locked(320, 240))
			time.Sleep(time.Second / 30)
		}
		s.show(pipeline.View{State: pipeline.Absent})
		if n := len(good.taken()); n < 300 {
			t.Errorf("%d messages on the way that goes", n)
		}
		stats := s.Stats()
		if st := stats[0]; st.Errors != 0 || st.Err != "" || st.Shown < 300 {
			t.Errorf("%+v", st)
		}
		// 0.1, 0.2, 0.4, 0.8, 1.6 s and then every 2 s
		if st := stats[1]; st.Errors < 8 || st.Errors > 10 || st.Err != errBroken.Error() || st.Shown != 0 || st.Skipped < 200 {
			t.Errorf("%+v", st)
		}
		if n := strings.Count(s.log.String(), "level=WARN"); n != 1 || !strings.Contains(s.log.String(), errBroken.Error()) {
			t.Errorf("%d warnings:\n%s", n, &s.log)
		}
		bad.broken.Store(false)
		time.Sleep(mostBackoff + settled)
		synctest.Wait()
		for _, m := range bad.taken() {
			if m.State != "absent" {
				t.Errorf("a message of before, when the way goes again: %+v", m)
			}
		}
		var kinds []string
		for _, e := range bad.events {
			kinds = append(kinds, e.Type)
		}
		if got := strings.Join(kinds, " "); got != "new end" {
			t.Errorf("events %q came late, want new and end", got)
		}
		if n := strings.Count(s.log.String(), "go out again"); n != 1 {
			t.Errorf("log:\n%s", &s.log)
		}
		s.end()
		if !good.closed || !bad.closed || !stuck.closed {
			t.Error("a way is left open")
		}
	})
}

// What is being sent when the end comes is finished: a connection that is cut in the
// middle of a message would have no last one.
func TestTheEndCutsNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := slow{begun: make(chan context.Context), on: make(chan struct{})}
		p := NewPublisher(PublisherConfig{Config: Config{Boot: "B", ValidFor: time.Second, Heartbeat: time.Minute}, Outs: []Out{{Name: "a", To: &w}}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		sending := <-w.begun
		stop()
		synctest.Wait()
		if err := sending.Err(); err != nil {
			t.Errorf("cut: %v", err)
		}
		close(w.on)
		<-w.begun
		if err := <-done; err != nil {
			t.Error(err)
		}
		if ms := w.taken(); len(ms) != 2 || ms[1].Refused == nil || ms[1].Refused.Rule != RuleEnd || !w.closed {
			t.Errorf("%+v, closed %v", ms, w.closed)
		}
	})
}

// slow is a wire that says when a message begins, and goes on when it is let.
type slow struct {
	wire
	begun chan context.Context
	on    chan struct{}
}

func (s *slow) Send(ctx context.Context, p *Parcel) error {
	s.begun <- ctx
	<-s.on
	return s.wire.Send(ctx, p)
}

// A way that fails at every other message is told of once.
func TestAWayThatFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		s := newStudio(t, &w)
		s.ask("the cup")
		for i := range 300 {
			w.broken.Store(i%2 == 0)
			s.show(locked(320, 240))
			time.Sleep(firstBackoff + time.Millisecond)
		}
		s.end()
		if n := strings.Count(s.log.String(), "\n"); n != 1 {
			t.Errorf("%d lines:\n%s", n, &s.log)
		}
		if st := s.Stats()[0]; st.Errors < 50 || st.Shown < 50 {
			t.Errorf("%+v", st)
		}
	})
}

func TestEventsThatWaitAreBounded(t *testing.T) {
	o := out{bell: make(chan struct{}, 1)}
	for i := range 3 * mostEvents {
		o.put(&Message{}, nil, []Event{{Track: i}})
	}
	p := o.take()
	o.put(&Message{}, nil, []Event{{Track: 3 * mostEvents}})
	o.putBack(p)
	p = o.take()
	if n := len(p.Events); n != mostEvents || p.Events[n-1].Track != 3*mostEvents || p.Events[0].Track != 2*mostEvents+1 || p.Message == nil {
		t.Errorf("%d events, from %d to %d", n, p.Events[0].Track, p.Events[n-1].Track)
	}
	o.putBack(p)
	if p = o.take(); p.Message != nil || len(p.Events) != mostEvents {
		t.Errorf("a message that could not be sent is sent again: %+v", p)
	}
}

// A keeper remembers what it was told of.
type keeper struct {
	mu   sync.Mutex
	kept []string
}

func (k *keeper) Keep(f *camera.Frame, m *Message) {
	k.mu.Lock()
	defer k.mu.Unlock()
	with := m.State
	if f != nil {
		with += "+picture"
	}
	k.kept = append(k.kept, with)
}

func TestEachChangeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k keeper
		s := newKeptStudio(t, &k)
		defer s.end()
		s.ask("the cup")
		s.show(locked(320, 240))
		s.show(locked(321, 240))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := strings.Join(k.kept, " "); got != "searching locked+picture lost" {
			t.Errorf("kept %s", got)
		}
	})
}
