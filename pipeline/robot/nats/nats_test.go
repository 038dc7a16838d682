package nats

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"deixis/pipeline/event"
	"deixis/pipeline/natsconn"
	"deixis/pipeline/natsconn/natstest"
	"deixis/pipeline/robot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// patience is how long a test waits for what it knows must come.
const patience = time.Minute

func portOf(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

func open(t *testing.T, o Options) *Client {
	t.Helper()
	o.Name, o.Boot, o.Server.Log = "arm", "B", quiet
	c, err := New(o)
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

// A heard is what another client hears of the sender.
type heard struct {
	ch   chan *nats.Msg
	kept []*nats.Msg // that nobody waited for yet
}

func peer(t *testing.T, s *server.Server, os ...nats.Option) (*nats.Conn, *heard) {
	t.Helper()
	conn, err := nats.Connect(s.ClientURL(), append(os, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	got := &heard{ch: make(chan *nats.Msg, 10_000)}
	for _, subject := range []string{"target", "events", "availability"} {
		if _, err := conn.ChanSubscribe("deixis.arm."+subject, got.ch); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	return conn, got
}

// expect waits for the next message on a subject with part in it.
func expect(t *testing.T, got *heard, subject, part string) string {
	t.Helper()
	is := func(m *nats.Msg) bool {
		return m.Subject == "deixis.arm."+subject && strings.Contains(string(m.Data), part)
	}
	if i := slices.IndexFunc(got.kept, is); i >= 0 {
		m := got.kept[i]
		got.kept = slices.Delete(got.kept, i, i+1)
		return string(m.Data)
	}
	for over := time.After(patience); ; {
		select {
		case m := <-got.ch:
			if is(m) {
				return string(m.Data)
			}
			got.kept = append(got.kept, m)
		case <-over:
			t.Fatalf("%q never came on %s", part, subject)
		}
	}
}

// message is one of a phrase in a state.
func message(seq uint64, phrase, state string) *robot.Parcel {
	at := "2026-03-01T12:00:00.000000Z"
	m := &robot.Message{V: 1, Boot: "B", Seq: seq, Target: event.Target{Phrase: phrase, State: state}}
	if state != "searching" {
		m.Captured = &at
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return &robot.Parcel{Message: m, JSON: raw}
}

// send sends until that works.
func send(t *testing.T, c *Client, p *robot.Parcel) {
	t.Helper()
	for over := time.Now().Add(patience); c.Send(t.Context(), p) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			t.Fatal("nothing goes out")
		}
	}
}

func TestWhatIsSent(t *testing.T) {
	s := natstest.Start(t, &server.Options{Port: -1})
	conn, got := peer(t, s)
	c := open(t, Options{Server: natsconn.Options{URL: s.ClientURL()}})
	p := message(1, "the cup", "locked")
	p.Events = []robot.Event{{V: 1, Type: "new", ID: "B.1"}}
	send(t, c, p)
	expect(t, got, "availability", online)
	expect(t, got, "events", `"type":"new"`)
	if m := expect(t, got, "target", "the cup"); m != string(p.JSON) {
		t.Errorf("got %s", m)
	}
	m, err := conn.Request("deixis.arm.target.get", nil, patience)
	if err != nil || string(m.Data) != string(p.JSON) {
		t.Errorf("the newest is %v, %v", m, err)
	}
	if _, err := conn.Request("deixis.arm.command", []byte("stop"), patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a command where none are taken: %v", err)
	}
	send(t, c, &robot.Parcel{Events: []robot.Event{{V: 1, Type: "end", ID: "B.1"}}})
	expect(t, got, "events", `"type":"end"`)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, got, "availability", offline)
	if _, err := conn.Request("deixis.arm.target.get", nil, patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a sender that is gone: %v", err)
	}
}

// ask asks for something, and is the answer.
func ask(t *testing.T, conn *nats.Conn, subject, payload string) (r robot.Reply) {
	t.Helper()
	m, err := conn.Request("deixis.arm."+subject, []byte(payload), patience)
	if err == nil {
		err = json.Unmarshal(m.Data, &r)
	}
	if err != nil {
		t.Fatalf("%s %q: %v", subject, payload, err)
	}
	return r
}

func TestOrdersAreAnswered(t *testing.T) {
	s := natstest.Start(t, &server.Options{Port: -1, Users: []*server.User{{Username: "me", Password: "sesame"}}})
	conn, got := peer(t, s, nats.UserInfo("me", "sesame"))
	taken := make(chan robot.Order, 100)
	in := &robot.Inbox{Log: quiet, Do: func(_ context.Context, o robot.Order) error {
		taken <- o
		if o.Phrase == "too long" {
			return errors.New("phrase too long: it has 40 tokens, and 18 fit")
		}
		return nil
	}}
	understand := func(phrase string) (all []robot.Understood) {
		for text := range strings.SplitSeq(phrase, ";") {
			all = append(all, robot.Understood{Phrase: strings.TrimSpace(text), Tokens: 2, Room: 18, Pieces: []string{"pantograph"}, Unknown: []string{}, Notes: []string{}})
		}
		return all
	}
	c := open(t, Options{Server: natsconn.Options{URL: s.ClientURL(), User: "me", Password: "sesame"}, Inbox: in, Understand: understand})
	send(t, c, message(1, "the cup", "locked"))
	expect(t, got, "target", "the cup")
	if r := ask(t, conn, "command", "Confirm  3"); !r.OK || r.V != 1 || r.Error != "" {
		t.Errorf("%+v", r)
	}
	if o := <-taken; o.Command != robot.Confirm || o.Track != 3 {
		t.Errorf("%+v", o)
	}
	for _, bad := range []string{"", "explode", strings.Repeat("x", robot.LongestOrder+1)} {
		if r := ask(t, conn, "command", bad); r.OK || r.Error == "" {
			t.Errorf("%.10q: %+v", bad, r)
		}
	}
	if r := ask(t, conn, "phrase.set", "too long"); r.OK || !strings.Contains(r.Error, "18 fit") || string(r.Target) != "null" {
		t.Errorf("%+v", r)
	}
	<-taken
	// The answer has the first target under the phrase: none that was before it, none without an answer of the network.
	answered := make(chan robot.Reply)
	go func() { answered <- ask(t, conn, "phrase.set", " the pantograph ; the dog") }()
	if o := <-taken; o.Phrase != " the pantograph ; the dog" {
		t.Errorf("%+v", o)
	}
	send(t, c, message(2, "the cup", "locked"))
	send(t, c, message(3, "the pantograph", "searching"))
	var r robot.Reply
	for seq, done := uint64(4), false; !done; seq++ {
		send(t, c, message(seq, "the pantograph", "unsure"))
		select {
		case r = <-answered:
			done = true
		case <-time.After(time.Millisecond):
		}
	}
	var m robot.Message
	if err := json.Unmarshal(r.Target, &m); err != nil || m.Seq < 4 || m.State != "unsure" {
		t.Errorf("the target is %s, %v", r.Target, err)
	}
	if len(r.Phrases) != 2 || r.Phrases[0].Phrase != "the pantograph" || !slices.Equal(r.Phrases[0].Pieces, []string{"pantograph"}) || r.Phrases[1].Phrase != "the dog" {
		t.Errorf("%+v", r.Phrases)
	}
	// The same again is answered at once; what nobody finds, without a target.
	if r := ask(t, conn, "phrase.set", "the pantograph"); !r.OK || string(r.Target) == "null" {
		t.Errorf("%+v", r)
	}
	if r := ask(t, conn, "phrase.set", "the dog"); !r.OK || string(r.Target) != "null" || len(r.Phrases) != 1 {
		t.Errorf("%+v", r)
	}
	if err := conn.Publish("deixis.arm.phrase.set", []byte("no answer wanted")); err != nil {
		t.Fatal(err)
	}
	for o := range taken {
		if o.Phrase == "no answer wanted" {
			break
		}
	}
}

// A server that is killed and comes back is found again each time, and what is sent is
// never old.
func TestServerComesBack(t *testing.T) {
	s := natstest.Start(t, &server.Options{Port: -1})
	port := portOf(s)
	c := open(t, Options{Server: natsconn.Options{URL: s.ClientURL()}})
	send(t, c, message(1, "the cup", "locked"))
	for n := range uint64(5) {
		natstest.Stop(s)
		var err error
		for seq := uint64(0); err == nil; seq++ {
			err = c.Send(t.Context(), message(1000*n+seq, "old", "locked"))
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
		s = natstest.Start(t, &server.Options{Port: port})
		_, got := peer(t, s)
		send(t, c, message(1000*n+999, "new", "locked"))
		if m := expect(t, got, "target", ""); !strings.Contains(m, "new") {
			t.Errorf("after it came back: %s", m)
		}
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c := open(t, Options{Server: natsconn.Options{URL: "nats://" + addr}})
	if err := c.Send(t.Context(), message(1, "the cup", "locked")); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	s := natstest.Start(t, &server.Options{Port: -1, Users: []*server.User{{Username: "me", Password: "sesame"}}})
	wrong := open(t, Options{Server: natsconn.Options{URL: s.ClientURL(), User: "me", Password: "x"}})
	for over := time.Now().Add(patience); !strings.Contains(fmt.Sprint(err), "Authorization"); time.Sleep(time.Millisecond) {
		if err = wrong.Send(t.Context(), message(1, "the cup", "locked")); err == nil || time.Now().After(over) {
			t.Fatalf("got %v", err)
		}
	}
	files := open(t, Options{Server: natsconn.Options{URL: s.ClientURL(), CA: "gone.pem"}})
	if err := files.Send(t.Context(), message(1, "the cup", "locked")); err == nil || !strings.Contains(err.Error(), "gone.pem") {
		t.Errorf("got %v", err)
	}
}

// One who subscribes and never reads costs the others nothing.
func TestASlowSubscriber(t *testing.T) {
	s := natstest.Start(t, &server.Options{Port: -1, WriteDeadline: patience, MaxPending: 1 << 20})
	_, first := peer(t, s)
	_, second := peer(t, s)
	slow, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if err := slow.(*net.TCPConn).SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(slow, "CONNECT {}\r\nSUB deixis.> 1\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(slow); lines.Scan() && lines.Text() != "PONG"; { // the last that it ever reads
	}
	c := open(t, Options{Server: natsconn.Options{URL: s.ClientURL()}})
	const messages = 600 // of some 20 KB: more than the server keeps for one
	for n := range uint64(messages) {
		p := message(n+1, strings.Repeat("x", 20_000), "locked")
		if n == 0 {
			send(t, c, p)
		} else if err := c.Send(t.Context(), p); err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		for _, got := range []*heard{first, second} {
			if m := expect(t, got, "target", ""); m != string(p.JSON) {
				t.Fatalf("message %d is another", n)
			}
		}
	}
	if n := s.NumSlowConsumers(); n != 1 {
		t.Errorf("the server knows of %d slow subscribers", n)
	}
}

func TestNames(t *testing.T) {
	for address, want := range map[string]string{
		"nats://robot": "nats://robot:4222", "tls://robot:4333": "tls://robot:4333",
		"http://robot": "", "nats://": "", "nats://me:sesame@robot": "", "nats://robot/a": "", "robot": "",
	} {
		if got, err := Parse(address); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	for name, want := range map[string]string{"arm": "arm", "": "_", "host.local": "host_local", "a b>*": "a_b__", "ä": "ä"} {
		if got := Token(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	if _, err := New(Options{Server: natsconn.Options{URL: "x"}}); err == nil {
		t.Error("takes no address")
	}
}
