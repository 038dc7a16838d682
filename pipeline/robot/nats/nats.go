// Package nats sends a robot's target to a NATS server, and takes orders from there: each
// is answered with what became of it.
package nats

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"deixis/pipeline/natsconn"
	"deixis/pipeline/robot"
)

// Options say where messages go. Server.URL, Name and Boot must be there.
type Options struct {
	Server     natsconn.Options // URL nats://HOST:PORT, or tls://HOST:PORT
	Name, Boot string           // as in robot.Message; Name is part of every subject

	Inbox      *robot.Inbox                           // takes orders; nil: none are taken
	Understand func(phrase string) []robot.Understood // what of an order's phrases reaches the network; nil tells nothing
}

// The payloads of availability.
const (
	online  = "online"
	offline = "offline"
)

// What the connection waits for.
const (
	dialFor      = 2 * time.Second
	takenFor     = 2 * time.Second // a server that takes nothing for so long is gone
	pingEvery    = 5 * time.Second
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 2 * time.Second
)

// A Client is a robot.Way.
type Client struct {
	o    Options
	conn *nats.Conn // nil before the first message
	subs []*nats.Subscription

	mu      sync.Mutex
	newest  *robot.Message // that was sent
	raw     []byte         // of newest
	waiting map[*waiter]bool
	over    bool  // no order is taken any more
	err     error // why there is no connection; nil: nobody knows
}

// Parse reads an address of a server: its port may be missing.
func Parse(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return "", errors.New("not like nats://HOST:4222 or tls://HOST:4222")
	case u.User != nil:
		return "", errors.New("user and password do not belong into an address, which others can read")
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "4222")), nil
}

// Token is name as a part of a subject: what would be more than one, or a wildcard,
// becomes _.
func Token(name string) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(".*>$", r) {
			return '_'
		}
		return r
	}, name), "_")
}

// New checks where messages go. It connects with the first of them.
func New(o Options) (*Client, error) {
	address, err := Parse(o.Server.URL)
	if err != nil {
		return nil, err
	}
	o.Server.URL, o.Server.Log = address, cmp.Or(o.Server.Log, slog.Default())
	return &Client{o: o, waiting: map[*waiter]bool{}}, nil
}

// subject is one of this sender's.
func (c *Client) subject(rest string) string { return "deixis." + Token(c.o.Name) + "." + rest }

// connect begins to connect, and goes on for as long as it takes.
func (c *Client) connect() error {
	if c.conn != nil {
		return nil
	}
	conn, err := natsconn.Connect(c.o.Server, c.options()...)
	if err != nil { // of files that cannot be read, say: a server that is away is none
		return err
	}
	subs := map[string]nats.MsgHandler{"target.get": c.get}
	if c.o.Inbox != nil {
		subs["phrase.set"], subs["command"] = c.phrase, c.command
	}
	for rest, take := range subs {
		sub, err := conn.Subscribe(c.subject(rest), take)
		if err != nil {
			conn.Close()
			return err
		}
		c.subs = append(c.subs, sub)
	}
	c.conn = conn
	return nil
}

// options are those of a sender that waits for nothing: a server that is away is no error,
// and only the newest message counts.
func (c *Client) options() []nats.Option {
	greet := func(conn *nats.Conn) { conn.Publish(c.subject("availability"), []byte(online)) } // its error is that of the next message, too
	return []nats.Option{
		nats.Name("deixis " + c.o.Name + " " + c.o.Boot), nats.Timeout(dialFor), nats.FlusherTimeout(takenFor),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // nothing waits: the next message is newer
		nats.CustomReconnectDelay(func(n int) time.Duration { return min(firstBackoff<<min(n, 10), mostBackoff) }),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(greet), nats.ReconnectHandler(greet),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { c.failed(err) }), nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.failed(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.o.Server.Log.Debug("nats", "err", err) }),
	}
}

// Send publishes the message and the events, and waits until the server has them. It
// does not wait for a server that is away.
func (c *Client) Send(ctx context.Context, p *robot.Parcel) error {
	if err := c.connect(); err != nil {
		return err
	}
	if !c.conn.IsConnected() {
		return c.away()
	}
	for i := range p.Events {
		raw, err := json.Marshal(&p.Events[i])
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		if err := c.conn.Publish(c.subject("events"), raw); err != nil {
			return fmt.Errorf("publish event: %w", err)
		}
	}
	if p.Message != nil {
		if err := c.conn.Publish(c.subject("target"), p.JSON); err != nil {
			return fmt.Errorf("publish target: %w", err)
		}
		c.sent(p)
	}
	ctx, stop := context.WithTimeout(ctx, takenFor)
	defer stop()
	if err := c.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("wait for the server: %w", err)
	}
	return nil
}

// failed remembers why there is no connection.
func (c *Client) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
	}
}

// away is why there is no connection, in one line.
func (c *Client) away() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return errors.New("no connection: the server is away")
	}
	return errors.New("no connection: " + strings.Join(strings.Fields(c.err.Error()), " "))
}

// Close says that the sender is gone, where there is a connection, and ends it. Who
// waits for an answer gets none.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.over = true
	for w := range c.waiting {
		w.timer.Stop()
	}
	c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	defer c.conn.Close()
	if !c.conn.IsConnected() {
		return nil
	}
	err := c.conn.Publish(c.subject("availability"), []byte(offline))
	for _, sub := range c.subs { // so that a request finds nobody, rather than no answer
		err = errors.Join(err, sub.Unsubscribe())
	}
	ctx, stop := context.WithTimeout(ctx, takenFor)
	defer stop()
	return errors.Join(err, c.conn.FlushWithContext(ctx))
}
