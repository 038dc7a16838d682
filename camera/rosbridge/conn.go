// Package rosbridge is a client of the rosbridge v2 protocol over WebSocket
// (ROSBRIDGE_PROTOCOL.md of rosbridge_suite): topics of ROS without ROS.
package rosbridge

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// Options say where a server is, and how it is talked to.
type Options struct {
	URL      string      // ws://HOST:PORT, or wss://HOST:PORT for TLS
	TLS      *tls.Config // of wss; nil trusts what the system does
	Secret   string      // shared with rosauth; "" sends no authentication
	Fragment int         // longer messages go out, and are asked for, in fragments of so many bytes; 0: never
	QoS      bool        // send the object "qos", which only newer servers know, beside the older fields

	Told func(level, text string) // what the server has to say; nil: nobody hears it
}

// A Publication is a topic that messages are published on.
type Publication struct {
	Topic, Type string
	Latch       bool // who subscribes later gets the newest message
}

// A Subscription is a topic that messages are wanted of.
type Subscription struct {
	Topic, Type string
	Throttle    time.Duration // least time from one message to the next; 0: every message
	Queue       int           // messages that wait at the server for a slow reader, the newest win; 0: the server does not queue
	PNG         bool          // have messages compressed as PNG
	BestEffort  bool          // a lost message is not sent again, as sensors do

	Take func(msg json.RawMessage, at time.Time) // must not block
}

// What a connection waits for, and how large a message may be.
const (
	dialFor     = 5 * time.Second
	writeFor    = 5 * time.Second // a server that takes nothing for so long is gone
	pingEvery   = 5 * time.Second
	reasonFor   = 100 * time.Millisecond // for what the server has to say of a connection that it closed
	mostMessage = 64 << 20               // bytes
)

// ErrClosed says that a connection is over.
var ErrClosed = errors.New("the server has closed the connection")

// A Conn is one connection. Any goroutine may call its methods.
type Conn struct {
	o    Options
	ws   *websocket.Conn
	subs map[string]func(json.RawMessage, time.Time)

	parts assembler // belongs to read
	ids   atomic.Uint64

	reads   bool // read has begun
	end     context.CancelCauseFunc
	ctx     context.Context
	workers sync.WaitGroup
}

// Dial connects, sends the authentication and subscribes. The server does not say
// whether it lets the client in: where not, the connection ends soon.
func Dial(ctx context.Context, o Options, subs ...Subscription) (*Conn, error) {
	ctx, stop := context.WithTimeout(ctx, dialFor)
	defer stop()
	var local, remote net.Addr
	d := net.Dialer{}
	transport := &http.Transport{TLSClientConfig: o.TLS, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			local, remote = conn.LocalAddr(), conn.RemoteAddr()
		}
		return conn, err
	}}
	defer transport.CloseIdleConnections()
	ws, _, err := websocket.Dial(ctx, o.URL, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return nil, plain(err)
	}
	ws.SetReadLimit(mostMessage)
	c := &Conn{o: o, ws: ws, subs: map[string]func(json.RawMessage, time.Time){}}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	for _, s := range subs {
		c.subs[s.Topic] = s.Take
	}
	if o.Secret != "" {
		err = c.send(ctx, newAuth(o.Secret, local, remote, time.Now()))
	}
	for _, s := range subs {
		if err == nil {
			err = c.subscribe(ctx, s)
		}
	}
	if err != nil {
		ws.CloseNow()
		return nil, err
	}
	c.reads = true
	c.workers.Go(c.read)
	c.workers.Go(c.ping)
	return c, nil
}

// plain is the cause of a connection that could not be made, in one line.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	return errors.New(strings.TrimPrefix(text, "failed to WebSocket dial: "))
}

// qos is what newer servers take, in the words of rclpy's QoSProfile.
type qos struct {
	History     string `json:"history"`
	Depth       int    `json:"depth"`
	Reliability string `json:"reliability"`
	Durability  string `json:"durability"`
}

func (c *Conn) qos(depth int, bestEffort, latch bool) *qos {
	if !c.o.QoS {
		return nil
	}
	q := &qos{History: "keep_last", Depth: max(1, depth), Reliability: "reliable", Durability: "volatile"}
	if bestEffort {
		q.Reliability = "best_effort"
	}
	if latch {
		q.Durability = "transient_local"
	}
	return q
}

func (c *Conn) subscribe(ctx context.Context, s Subscription) error {
	ask := struct {
		Op          string `json:"op"`
		ID          string `json:"id"`
		Topic       string `json:"topic"`
		Type        string `json:"type,omitempty"`
		Throttle    int64  `json:"throttle_rate"`
		Queue       int    `json:"queue_length"`
		Fragment    int    `json:"fragment_size,omitempty"`
		Compression string `json:"compression"`
		QoS         *qos   `json:"qos,omitempty"`
	}{"subscribe", c.id(), s.Topic, s.Type, s.Throttle.Milliseconds(), s.Queue, c.o.Fragment, "none", c.qos(s.Queue, s.BestEffort, false)}
	if s.PNG {
		ask.Compression = "png"
	}
	return c.send(ctx, ask)
}

// Advertise says that p will be published on.
func (c *Conn) Advertise(ctx context.Context, p Publication) error {
	return c.send(ctx, struct {
		Op    string `json:"op"`
		ID    string `json:"id"`
		Topic string `json:"topic"`
		Type  string `json:"type"`
		Latch bool   `json:"latch"`
		Queue int    `json:"queue_size"`
		QoS   *qos   `json:"qos,omitempty"`
	}{"advertise", c.id(), p.Topic, p.Type, p.Latch, 1, c.qos(1, false, p.Latch)})
}

// Publish sends msg, a message of the topic's type as JSON has it.
func (c *Conn) Publish(ctx context.Context, topic string, msg any) error {
	return c.send(ctx, struct {
		Op    string `json:"op"`
		Topic string `json:"topic"`
		Msg   any    `json:"msg"`
	}{"publish", topic, msg})
}

// Unadvertise says that nothing more comes on a topic.
func (c *Conn) Unadvertise(ctx context.Context, topic string) error {
	return c.send(ctx, struct {
		Op    string `json:"op"`
		Topic string `json:"topic"`
	}{"unadvertise", topic})
}

func (c *Conn) id() string { return "deixis:" + strconv.FormatUint(c.ids.Add(1), 10) }

// send sends v, in fragments where it is too long for one.
func (c *Conn) send(ctx context.Context, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode for rosbridge: %w", err)
	}
	if c.o.Fragment <= 0 || len(raw) <= c.o.Fragment {
		return c.write(ctx, raw)
	}
	data := split(string(raw), c.o.Fragment)
	id := c.id()
	for i, part := range data {
		raw, err := json.Marshal(fragment{Op: "fragment", ID: id, Data: part, Num: i, Total: len(data)})
		if err != nil {
			return fmt.Errorf("encode for rosbridge: %w", err)
		}
		if err := c.write(ctx, raw); err != nil {
			return err
		}
	}
	return nil
}

// split cuts text after at most size bytes each, between two letters.
func split(text string, size int) (parts []string) {
	size = max(size, utf8.UTFMax)
	for len(text) > size {
		at := size
		for !utf8.RuneStart(text[at]) {
			at--
		}
		parts, text = append(parts, text[:at]), text[at:]
	}
	return append(parts, text)
}

func (c *Conn) write(ctx context.Context, raw []byte) error {
	ctx, stop := context.WithTimeout(ctx, writeFor)
	defer stop()
	err := c.ws.Write(ctx, websocket.MessageText, raw)
	if err == nil || !c.reads {
		return err
	}
	reason := time.NewTimer(reasonFor)
	defer reason.Stop()
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-reason.C:
		return err
	}
}

// read takes what comes until the connection ends.
func (c *Conn) read() {
	for {
		kind, raw, err := c.ws.Read(c.ctx)
		if err != nil {
			c.end(closed(err))
			c.ws.CloseNow()
			return
		}
		if kind != websocket.MessageText {
			c.tell("error", "the server sent a binary message, which nobody asked for")
			continue
		}
		c.handle(raw, time.Now(), 0)
	}
}

// closed is why a connection ended, in one line.
func closed(err error) error {
	var shut websocket.CloseError
	if errors.As(err, &shut) && shut.Reason != "" {
		return fmt.Errorf("%w: %s", ErrClosed, strings.Join(strings.Fields(shut.Reason), " "))
	}
	return ErrClosed
}

// ping notices a server that is gone without a word.
func (c *Conn) ping() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-t.C:
		}
		ctx, stop := context.WithTimeout(c.ctx, pingEvery)
		err := c.ws.Ping(ctx)
		stop()
		if err != nil {
			c.end(fmt.Errorf("%w: no answer for %v", ErrClosed, pingEvery))
			return
		}
	}
}

func (c *Conn) tell(level, text string) {
	if c.o.Told != nil {
		c.o.Told(level, text)
	}
}

// Done is closed when the connection is over.
func (c *Conn) Done() <-chan struct{} { return c.ctx.Done() }

// Err is why the connection is over; nil while it is not.
func (c *Conn) Err() error { return context.Cause(c.ctx) }

// Leave ends the connection once the server has taken all that was sent, or ctx ends.
func (c *Conn) Leave(ctx context.Context) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		c.ws.Close(websocket.StatusNormalClosure, "")
	}()
	select {
	case <-said:
	case <-ctx.Done():
	}
	c.Close()
	<-said
}

// Close ends the connection: nothing is taken any more once it returns.
func (c *Conn) Close() {
	c.end(net.ErrClosed)
	c.ws.CloseNow()
	c.workers.Wait()
}
