// Package bridgetest is a rosbridge v2 server for tests: it knows topics and their
// types, and nothing of ROS. It is written from ROSBRIDGE_PROTOCOL.md and shares no
// code with the client.
package bridgetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Patience is how long a test waits for what it knows must come.
const Patience = time.Minute

// Options shape a server.
type Options struct {
	Addr   string // where it listens; "" takes a free port
	Secret string // of rosauth; "" lets everyone in
}

// A Message is one that a client published.
type Message struct {
	Topic, Type string
	Msg         json.RawMessage
}

// A Server is a rosbridge server. Any goroutine may call its methods.
type Server struct {
	t      testing.TB
	o      Options
	addr   string
	web    *http.Server
	served chan struct{}
	ctx    context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
	once   sync.Once

	mu      sync.Mutex
	types   map[string]string // of topics
	latched map[string][]byte // newest messages of topics that are latched
	clients map[*client]bool
	got     []Message
	asked   []map[string]any // every operation but publish and fragment
	dropped int              // messages that a full queue lost
	refused int              // clients whose authentication was wrong
	news    chan struct{}    // closed and made anew when something comes
}

// Start starts a server, which ends with the test or with Close.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	var l net.Listener
	var err error
	for over := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) { // a port of before may be in use for a moment
		if l, err = net.Listen("tcp", o.Addr); err == nil {
			break
		}
		if time.Now().After(over) {
			t.Fatal(err)
		}
	}
	s := &Server{
		t: t, o: o, addr: l.Addr().String(), served: make(chan struct{}), news: make(chan struct{}),
		types: map[string]string{}, latched: map[string][]byte{}, clients: map[*client]bool{},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.web = &http.Server{Handler: http.HandlerFunc(s.accept)}
	go func() {
		defer close(s.served)
		s.web.Serve(l)
	}()
	t.Cleanup(s.Close)
	return s
}

// Close ends the server and cuts every connection, as a crash does.
func (s *Server) Close() {
	s.once.Do(func() {
		s.web.Close()
		s.stop()
		s.mu.Lock()
		for c := range s.clients {
			c.ws.CloseNow()
		}
		s.mu.Unlock()
		<-s.served
		s.work.Wait()
	})
}

// Addr is HOST:PORT.
func (s *Server) Addr() string { return s.addr }

// URL is the address for a client.
func (s *Server) URL() string { return "ws://" + s.addr }

func (s *Server) accept(w http.ResponseWriter, r *http.Request) {
	s.work.Add(1)
	defer s.work.Done()
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	ws.SetReadLimit(10_000_000) // max_message_size of rosbridge_suite
	c := &client{s: s, ws: ws, subs: map[string]*subscription{}, bell: make(chan struct{}, 1), allowed: s.o.Secret == "", parts: map[string]map[int]string{}}
	s.mu.Lock()
	s.clients[c] = true
	s.mu.Unlock()
	ctx, stop := context.WithCancel(s.ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(ctx)
	}()
	c.read(ctx)
	stop()
	<-written
	s.mu.Lock()
	delete(s.clients, c)
	s.mu.Unlock()
	s.ring()
	ws.CloseNow()
}

// ring wakes who waits for something to come.
func (s *Server) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
}

// until waits until is is true; s.mu is locked while it is asked.
func (s *Server) until(what string, is func() bool) {
	s.t.Helper()
	over := time.After(Patience)
	for {
		s.mu.Lock()
		done, news := is(), s.news
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-news:
		case <-over:
			s.t.Fatalf("%s never came", what)
		}
	}
}

// Wait waits for a message on topic that is as wanted, and forgets it and those of the
// topic before it.
func (s *Server) Wait(topic, what string, is func(msg json.RawMessage) bool) (found json.RawMessage) {
	s.t.Helper()
	s.until(fmt.Sprintf("%s on %s", what, topic), func() bool {
		found = nil
		s.got = slices.DeleteFunc(s.got, func(m Message) bool {
			if m.Topic != topic || found != nil {
				return false
			}
			if is(m.Msg) {
				found = m.Msg
			}
			return true
		})
		return found != nil
	})
	return found
}

// Got are all messages that came and were not waited for, and forgets them.
func (s *Server) Got() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	some := s.got
	s.got = nil
	return some
}

// Asked waits for an operation that is as wanted, such as a subscription.
func (s *Server) Asked(what string, is func(op map[string]any) bool) (found map[string]any) {
	s.t.Helper()
	s.until(what, func() bool {
		for _, op := range s.asked {
			if is(op) {
				found = op
				return true
			}
		}
		return false
	})
	return found
}

// Subscribed waits until somebody is subscribed to topic, and is what was asked for.
func (s *Server) Subscribed(topic string) (op map[string]any) {
	s.t.Helper()
	s.until("a subscription to "+topic, func() bool {
		for c := range s.clients {
			if sub := c.subs[topic]; sub != nil {
				op = sub.op
				return true
			}
		}
		return false
	})
	return op
}

// Alone waits until no client is connected.
func (s *Server) Alone() {
	s.t.Helper()
	s.until("the end of each connection", func() bool { return len(s.clients) == 0 })
}

// Dropped counts messages that a subscription's queue had no room for.
func (s *Server) Dropped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Refused waits until n clients were turned away.
func (s *Server) Refused(n int) {
	s.t.Helper()
	s.until("a client that is turned away", func() bool { return s.refused >= n })
}

// Publish sends msg to all who subscribed to topic, as a node of ROS would.
func (s *Server) Publish(topic string, msg any) {
	s.t.Helper()
	raw, err := json.Marshal(msg)
	if err != nil {
		s.t.Error(err)
		return
	}
	s.relay(topic, raw)
}

// Tell sends raw to all clients as it is.
func (s *Server) Tell(raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		c.put([]byte(raw))
	}
}

func (s *Server) relay(topic string, msg []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if sub := c.subs[topic]; sub != nil && c.allowed {
			c.deliver(sub, topic, msg)
		}
	}
}

// do does what a client asks for. s.mu is not locked. Its error is told to the client.
func (s *Server) do(c *client, op map[string]any, raw []byte) error {
	topic, _ := op["topic"].(string)
	kind, _ := op["type"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op["op"] {
	case "advertise":
		s.asked = append(s.asked, op)
		if topic == "" || kind == "" {
			return errors.New("advertise needs topic and type")
		}
		if now := s.types[topic]; now != "" && now != kind {
			return fmt.Errorf("topic %s has type %s, not %s", topic, now, kind)
		}
		s.types[topic] = kind
		if latch, _ := op["latch"].(bool); latch && s.latched[topic] == nil {
			s.latched[topic] = []byte{}
		}
	case "publish":
		var m struct{ Msg json.RawMessage }
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		if s.types[topic] == "" {
			return fmt.Errorf("publish: nobody advertised %s", topic)
		}
		s.got = append(s.got, Message{topic, s.types[topic], m.Msg})
		if s.latched[topic] != nil {
			s.latched[topic] = m.Msg
		}
		for to := range s.clients {
			if sub := to.subs[topic]; sub != nil {
				to.deliver(sub, topic, m.Msg)
			}
		}
	case "subscribe":
		s.asked = append(s.asked, op)
		sub, err := newSubscription(op)
		if err != nil {
			return err
		}
		c.subs[topic] = sub
		if last := s.latched[topic]; len(last) > 0 {
			c.deliver(sub, topic, last)
		}
	case "unsubscribe":
		s.asked = append(s.asked, op)
		delete(c.subs, topic)
	case "unadvertise", "set_level", "auth":
		s.asked = append(s.asked, op)
	default:
		return fmt.Errorf("unknown operation %v", op["op"])
	}
	return nil
}
