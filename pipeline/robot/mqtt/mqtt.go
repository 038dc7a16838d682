// Package mqtt sends a robot's target to an MQTT 5 broker, and takes orders from it.
package mqtt

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"deixis/pipeline/robot"
)

// Options say where messages go. URL, Name and Boot must be there.
type Options struct {
	URL            string      // mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS
	User, Password string      // "" for none
	TLS            *tls.Config // of mqtts; nil trusts what the system does
	Name, Boot     string      // as in robot.Message; Name is part of every topic
	HomeAssistant  bool        // describe the topics to Home Assistant

	Inbox *robot.Inbox // takes orders; nil: none are taken
}

// expiry is how long a broker keeps a message of a sender that is gone, seconds. A
// heartbeat comes long before; MQTT counts in whole seconds, and 1 may be nearly none.
const expiry = 2

// The payloads of availability.
const (
	online  = "online"
	offline = "offline"
)

// What the connection waits for.
const (
	keepAlive    = 5 // seconds without a packet after which a ping goes out
	dialFor      = 5 * time.Second
	writeFor     = 5 * time.Second // a broker that takes nothing for so long is gone
	ackFor       = 2 * time.Second
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 2 * time.Second
	mostGreeting = 30 * time.Second // between two greetings over one connection
)

// A Client is a robot.Way.
type Client struct {
	o     Options
	to    *url.URL
	state *state

	conn *autopaho.ConnectionManager                // nil before the first message
	stop context.CancelFunc                         // of conn
	live atomic.Pointer[autopaho.ConnectionManager] // conn, once it came up
	away atomic.Bool                                // it takes leave
}

// Parse reads an address of a broker: its port may be missing.
func Parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	var ports = map[string]string{"mqtt": "1883", "mqtts": "8883"}
	switch {
	case err != nil || ports[u.Scheme] == "" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return nil, errors.New("not like mqtt://HOST:1883 or mqtts://HOST:8883")
	case u.User != nil:
		return nil, errors.New("user and password do not belong into an address, which others can read")
	}
	return &url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), ports[u.Scheme]))}, nil
}

// CheckName says why a name cannot be part of a topic.
func CheckName(name string) error {
	if name == "" || len(name) > 100 || strings.ContainsAny(name, "/+#\x00") || strings.HasPrefix(name, "$") {
		return fmt.Errorf("name %.100q: it is part of MQTT's topics (1 to 100 letters, none of / + #, and no $ in front)", name)
	}
	return nil
}

// New checks where messages go. It connects with the first of them.
func New(o Options) (*Client, error) {
	to, err := Parse(o.URL)
	if err = errors.Join(err, CheckName(o.Name)); err != nil {
		return nil, err
	}
	return &Client{o: o, to: to, state: newState()}, nil
}

// connect begins to connect, and goes on for as long as it takes.
func (c *Client) connect() (err error) {
	if c.conn != nil {
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	backoff := autopaho.NewExponentialBackoff(firstBackoff, mostBackoff, 2*firstBackoff, 2)
	now := uint32(0)
	down := func() {} // ends what is done for the connection that is up; belongs to the goroutine that calls both below
	conf := autopaho.ClientConfig{
		ServerUrls: []*url.URL{c.to}, KeepAlive: keepAlive, CleanStartOnInitialConnection: true,
		ConnectTimeout: dialFor, ConnectUsername: c.o.User, ConnectPassword: []byte(c.o.Password),
		ReconnectBackoff: func(n int) time.Duration {
			if n == 0 {
				return 0
			}
			return backoff(n)
		},
		AttemptConnection: c.dial,
		WillMessage:       &paho.WillMessage{Topic: c.topic("availability"), Payload: []byte(offline), QoS: 1, Retain: true},
		WillProperties:    &paho.WillProperties{WillDelayInterval: &now},
		OnConnectionUp: func(conn *autopaho.ConnectionManager, _ *paho.Connack) {
			var up context.Context
			up, down = context.WithCancel(ctx)
			go c.greet(up, conn)
		},
		OnConnectionDown: func() bool {
			down()
			c.state.set(errors.New("the broker has closed the connection"))
			return true
		},
		OnConnectError: func(err error) { c.state.set(plain(err)) },
		ClientConfig: paho.ClientConfig{
			ClientID: "deixis-" + c.o.Name + "-" + c.o.Boot, PacketTimeout: ackFor,
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){c.receive(ctx)},
		},
	}
	if c.conn, err = autopaho.NewConnection(ctx, conf); err != nil {
		stop()
		return err
	}
	c.stop = stop
	return nil
}

// plain is the cause of a connection that could not be made, in one line.
func plain(err error) error {
	var refused *autopaho.ConnackError
	if errors.As(err, &refused) {
		return fmt.Errorf("the broker refuses: reason code 0x%02x %s", refused.ReasonCode, refused.Reason)
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}

// dial connects, so that a write cannot block for ever.
func (c *Client) dial(ctx context.Context, _ autopaho.ClientConfig, to *url.URL) (net.Conn, error) {
	d := net.Dialer{Timeout: dialFor}
	if to.Scheme != "mqtts" {
		conn, err := d.DialContext(ctx, "tcp", to.Host)
		if err != nil {
			return nil, err
		}
		return packets.NewThreadSafeConn(bounded{conn}), nil
	}
	ctx, stop := context.WithTimeout(ctx, dialFor)
	defer stop()
	conn, err := (&tls.Dialer{NetDialer: &d, Config: c.o.TLS}).DialContext(ctx, "tcp", to.Host)
	if err != nil {
		return nil, err
	}
	return packets.NewThreadSafeConn(bounded{conn}), nil
}

// A bounded connection gives each write its time.
type bounded struct{ net.Conn }

func (b bounded) Write(p []byte) (int, error) {
	if err := b.SetWriteDeadline(time.Now().Add(writeFor)); err != nil {
		return 0, err
	}
	return b.Conn.Write(p)
}

// topic is one of this sender's.
func (c *Client) topic(rest string) string { return "deixis/" + c.o.Name + "/" + rest }

// greet says that the sender is there, again and again until the broker has taken it, or
// the connection is down: then ctx ends.
func (c *Client) greet(ctx context.Context, conn *autopaho.ConnectionManager) {
	for pause := firstBackoff; ; pause = min(2*pause, mostGreeting) {
		err := c.greetOnce(ctx, conn)
		if ctx.Err() != nil {
			return
		}
		if c.state.set(err); err == nil {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// greetOnce says that the sender is there, and asks for orders.
func (c *Client) greetOnce(ctx context.Context, conn *autopaho.ConnectionManager) error {
	err := c.publish(ctx, conn, c.topic("availability"), []byte(online), true)
	if err == nil {
		// A broker that notices late how the connection before broke may publish its will
		// only now: then "online" is said again. Where it lets nobody read that, so be it.
		c.live.Store(conn)
		conn.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: c.topic("availability"), QoS: 1}}})
	}
	if err == nil && c.o.HomeAssistant {
		err = c.describe(ctx, conn)
	}
	if err == nil && c.o.Inbox != nil {
		// Retained orders are from before: they are not sent, nor taken.
		ask := func(topic string) paho.SubscribeOptions {
			return paho.SubscribeOptions{Topic: c.topic(topic), QoS: 1, RetainHandling: 2, RetainAsPublished: true}
		}
		_, err = conn.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{ask("phrase/set"), ask("command")}})
	}
	if err != nil {
		return fmt.Errorf("greet the broker: %w", err)
	}
	return nil
}

// publish sends what must arrive, and waits until it has.
func (c *Client) publish(ctx context.Context, conn *autopaho.ConnectionManager, topic string, payload []byte, retain bool) error {
	_, err := conn.Publish(ctx, &paho.Publish{QoS: 1, Retain: retain, Topic: topic, Payload: payload})
	return err
}

// Send publishes the message, retained until it expires, and the events. It waits
// for a connection that is being made, and not for one that failed.
func (c *Client) Send(ctx context.Context, p *robot.Parcel) error {
	if err := c.connect(); err != nil {
		return err
	}
	if err := c.state.wait(ctx); err != nil {
		return err
	}
	for i := range p.Events {
		raw, err := json.Marshal(&p.Events[i])
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		if err := c.publish(ctx, c.conn, c.topic("events"), raw, false); err != nil {
			return fmt.Errorf("publish event: %w", err)
		}
	}
	if p.Message == nil {
		return nil
	}
	seconds, text := uint32(expiry), byte(1)
	_, err := c.conn.Publish(ctx, &paho.Publish{
		Retain: true, Topic: c.topic("target"), Payload: p.JSON,
		Properties: &paho.PublishProperties{MessageExpiry: &seconds, PayloadFormat: &text, ContentType: "application/json"},
	})
	if err != nil {
		return fmt.Errorf("publish target: %w", err)
	}
	return nil
}

// Close says that the sender is gone, where there is a connection, and ends it.
func (c *Client) Close(ctx context.Context) error {
	if c.conn == nil {
		return nil
	}
	var err error
	c.away.Store(true)
	if c.live.Load() != nil { // "online" was said, and the leave takes the will with it
		if err = c.publish(ctx, c.conn, c.topic("availability"), []byte(offline), true); errors.Is(err, autopaho.ConnectionDownError) {
			err = nil
		}
	}
	c.stop()
	return errors.Join(err, c.conn.Disconnect(ctx))
}
