package mqtt

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"deixis/pipeline/robot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A news is a message that a broker was handed.
type news struct {
	topic, payload string
	retain         bool
	expiry         uint32
}

// A station is a broker in this process, and all that it was handed.
type station struct {
	*broker.Server
	addr string
	got  chan news
	once sync.Once
}

// Close may be called twice. It disconnects the clients by itself: the broker's own
// way locks them for reading twice (Clients.GetByListener of 2.7.9), and waits for
// ever where one of them leaves in between.
func (s *station) Close() {
	s.once.Do(func() {
		s.Listeners.Close(listener, func(id string) {
			for _, c := range s.Clients.GetAll() {
				if c.Net.Listener == id && !c.Closed() {
					_ = s.DisconnectClient(c, packets.ErrServerShuttingDown) // gone already is as good
				}
			}
		})
		s.Server.Close()
	})
}

const listener = "t" // the only one of a station

// serve starts a broker on addr; users is nil for one that takes everyone.
func serve(t *testing.T, addr string, users auth.Users, conf *tls.Config) *station {
	t.Helper()
	s := &station{Server: broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}), got: make(chan news, 1000)}
	var err error
	if users == nil {
		err = s.AddHook(new(auth.AllowHook), nil)
	} else {
		err = s.AddHook(new(auth.Hook), &auth.Options{Ledger: &auth.Ledger{Users: users}})
	}
	if err != nil {
		t.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: listener, Address: addr, TLSConfig: conf})
	for over := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // a port of before may be in use by somebody for a moment
		if err = s.AddListener(l); err == nil {
			break
		}
		if time.Now().After(over) {
			t.Fatal(err)
		}
	}
	s.addr = l.Address()
	if err := s.Subscribe("#", 1, func(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
		s.got <- news{p.TopicName, string(p.Payload), p.FixedHeader.Retain, p.Properties.MessageExpiryInterval}
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// patience is how long a test waits for what it knows must come.
const patience = time.Minute

// expect waits for what comes on a topic with a payload that has part in it.
func (s *station) expect(t *testing.T, topic, part string) news {
	t.Helper()
	for over := time.After(patience); ; {
		select {
		case n := <-s.got:
			if n.topic == topic && strings.Contains(n.payload, part) {
				return n
			}
		case <-over:
			t.Fatalf("%q never came on %s", part, topic)
		}
	}
}

// open opens a client that is closed with the test.
func open(t *testing.T, o Options) *Client {
	t.Helper()
	o.Name, o.Boot = "arm", "B"
	c, err := New(o)
	if err == nil {
		err = c.connect()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		c.Close(ctx)
	})
	return c
}

func parcel(seq uint64, events ...robot.Event) *robot.Parcel {
	m := &robot.Message{V: 1, Boot: "B", Seq: seq}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return &robot.Parcel{Message: m, JSON: raw, Events: events}
}

// send sends until that works.
func send(t *testing.T, c *Client, p *robot.Parcel) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for c.Send(ctx, p) != nil {
		if ctx.Err() != nil {
			t.Fatal("it never goes out")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestTargetEventsAndAvailability(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	c := open(t, Options{URL: "mqtt://" + s.addr})
	s.expect(t, "deixis/arm/availability", "online")
	if err := c.Send(t.Context(), parcel(7, robot.Event{V: 1, Type: "new"}, robot.Event{V: 1, Type: "end"})); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "deixis/arm/events", `"type":"new"`)
	s.expect(t, "deixis/arm/events", `"type":"end"`)
	if n := s.expect(t, "deixis/arm/target", `"seq":7`); n.expiry != expiry {
		t.Errorf("%+v", n)
	}
	if err := c.Send(t.Context(), &robot.Parcel{Events: []robot.Event{{Type: "update"}}}); err != nil {
		t.Error(err)
	}
	s.expect(t, "deixis/arm/events", "update")
	for topic, want := range map[string]string{"deixis/arm/availability": "online", "deixis/arm/target": `"seq":7`} {
		p, ok := s.Topics.Retained.Get(topic)
		if !ok || !strings.Contains(string(p.Payload), want) {
			t.Errorf("%s keeps %q", topic, p.Payload)
		}
	}
	if _, ok := s.Topics.Retained.Get("deixis/arm/events"); ok {
		t.Error("events are retained")
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.expect(t, "deixis/arm/availability", "offline")
}

func TestTheWillOfAConnectionThatBreaks(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	c := open(t, Options{URL: "mqtt://" + s.addr})
	s.expect(t, "deixis/arm/availability", "online")
	c.conn.TerminateConnectionForTest()
	s.expect(t, "deixis/arm/availability", "offline")
	s.expect(t, "deixis/arm/availability", "online")
	send(t, c, parcel(1))
	s.expect(t, "deixis/arm/target", `"seq":1`)
}

// TestALateWill: a broker may publish the will of a connection that broke after the next
// one has greeted it.
func TestALateWill(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	c := open(t, Options{URL: "mqtt://" + s.addr})
	send(t, c, parcel(1))
	s.expect(t, "deixis/arm/availability", online)
	if err := s.Publish("deixis/arm/availability", []byte(offline), true, 1); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "deixis/arm/availability", offline)
	s.expect(t, "deixis/arm/availability", online)
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.expect(t, "deixis/arm/availability", offline)
	if p, ok := s.Topics.Retained.Get("deixis/arm/availability"); !ok || string(p.Payload) != offline {
		t.Errorf("after it took leave %q is kept", p.Payload)
	}
}

// busy is a hook of a broker that refuses the first two messages.
type busy struct {
	broker.HookBase
	refused atomic.Int32
}

func (b *busy) Provides(kind byte) bool { return kind == broker.OnPublish }

func (b *busy) OnPublish(_ *broker.Client, p packets.Packet) (packets.Packet, error) {
	if b.refused.Load() < 2 {
		b.refused.Add(1)
		return p, packets.ErrQuotaExceeded
	}
	return p, nil
}

// A broker that does not take the greeting is greeted again over the same connection.
func TestAGreetingThatIsNotTaken(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	b := new(busy)
	if err := s.AddHook(b, nil); err != nil {
		t.Fatal(err)
	}
	c := open(t, Options{URL: "mqtt://" + s.addr})
	s.expect(t, "deixis/arm/availability", online)
	send(t, c, parcel(1))
	s.expect(t, "deixis/arm/target", `"seq":1`)
	if n := b.refused.Load(); n != 2 {
		t.Errorf("%d were refused", n)
	}
}

func TestABrokerThatComesAndGoes(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	addr := s.addr
	s.Close()
	c := open(t, Options{URL: "mqtt://" + addr})
	if err := c.Send(t.Context(), parcel(1)); err == nil || !strings.Contains(err.Error(), addr) || strings.Contains(err.Error(), "\n") {
		t.Errorf("no broker: %v", err)
	}
	for n := range uint64(3) {
		s = serve(t, addr, nil, nil)
		s.expect(t, "deixis/arm/availability", "online")
		send(t, c, parcel(10+n))
		s.expect(t, "deixis/arm/target", fmt.Sprintf(`"seq":%d`, 10+n))
		s.Close()
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for c.Send(ctx, parcel(99)) == nil {
	}
	if ctx.Err() != nil {
		t.Error("a broker that is gone is not noticed")
	}
}

// orders collects what a client is asked to do.
type orders struct{ got chan robot.Order }

// do cannot confirm anything, unless it is told what.
func (o *orders) do(_ context.Context, order robot.Order) error {
	o.got <- order
	if order == (robot.Order{Command: robot.Confirm}) {
		return robot.ErrNotProposed
	}
	return nil
}

func TestOrders(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	o := &orders{got: make(chan robot.Order, 10)}
	inbox := &robot.Inbox{Do: o.do, Log: slog.New(slog.DiscardHandler)}
	if err := s.Publish("deixis/arm/command", []byte("confirm"), true, 1); err != nil { // from before
		t.Fatal(err)
	}
	c := open(t, Options{URL: "mqtt://" + s.addr, Inbox: inbox})
	send(t, c, parcel(1)) // it has subscribed
	for _, tt := range []struct {
		topic, payload string
		want           robot.Order
		refused        bool
	}{
		{"phrase/set", "the blue box", robot.Order{Phrase: "the blue box"}, false},
		{"command", "Stop", robot.Order{Command: robot.Stop}, false},
		{"command", "", robot.Order{}, true},
		{"command", "explode " + strings.Repeat("x", 1000), robot.Order{}, true},
		{"command", "confirm -1", robot.Order{}, true},
		{"phrase/set", strings.Repeat("x", robot.LongestOrder+1), robot.Order{}, true},
		{"command", "confirm", robot.Order{Command: robot.Confirm}, false},
		{"command", "confirm 12", robot.Order{Command: robot.Confirm, Track: 12}, false},
		{"command", "go  on", robot.Order{Command: robot.GoOn}, false},
	} {
		if err := s.Publish("deixis/arm/"+tt.topic, []byte(tt.payload), false, 1); err != nil {
			t.Fatal(err)
		}
		if tt.refused {
			continue // the next order comes after it
		}
		select {
		case got := <-o.got:
			if got != tt.want {
				t.Errorf("%s %.40q: %+v", tt.topic, tt.payload, got)
			}
		case <-time.After(patience):
			t.Fatalf("%s %.40q never came", tt.topic, tt.payload)
		}
	}
	if n := inbox.Refused(); n != 5 {
		t.Errorf("%d refused", n)
	}
}

func TestOrdersAreNotTakenUnasked(t *testing.T) {
	s := serve(t, "127.0.0.1:0", nil, nil)
	c := open(t, Options{URL: "mqtt://" + s.addr})
	send(t, c, parcel(1))
	for _, cl := range s.Clients.GetAll() {
		for topic := range cl.State.Subscriptions.GetAll() {
			if topic != "deixis/arm/availability" && !cl.Net.Inline {
				t.Errorf("%s asks for %s", cl.ID, topic)
			}
		}
	}
}

func TestUserAndPassword(t *testing.T) {
	s := serve(t, "127.0.0.1:0", auth.Users{"robot": {Username: "robot", Password: "secret"}}, nil)
	wrong := open(t, Options{URL: "mqtt://" + s.addr, User: "robot", Password: "guess"})
	if err := wrong.Send(t.Context(), parcel(1)); err == nil || !strings.Contains(err.Error(), "refuses") || strings.Contains(err.Error(), "guess") {
		t.Errorf("a wrong password: %v", err)
	}
	right := open(t, Options{URL: "mqtt://" + s.addr, User: "robot", Password: "secret"})
	if err := right.Send(t.Context(), parcel(1)); err != nil {
		t.Error(err)
	}
}

func TestBadAddressesAndNames(t *testing.T) {
	for _, bad := range []string{"", "host:1883", "http://host", "mqtt://", "mqtt://host/path", "mqtt://host?x=1", "mqtt://me:secret@host", "mqtt://[::1"} {
		if _, err := New(Options{URL: bad, Name: "arm"}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for in, want := range map[string]string{"mqtt://host": "host:1883", "mqtts://host": "host:8883", "mqtt://[::1]:7/": "[::1]:7"} {
		if u, err := Parse(in); err != nil || u.Host != want {
			t.Errorf("%s: %v, %v", in, u, err)
		}
	}
	for _, bad := range []string{"", "a/b", "+", "#", "$SYS", "a\x00", strings.Repeat("x", 101)} {
		if _, err := New(Options{URL: "mqtt://host", Name: bad}); err == nil {
			t.Errorf("name %q", bad)
		}
	}
}
