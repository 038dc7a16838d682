// Package rosbridge tells ROS of a robot's target through a rosbridge server, and takes
// orders from there.
package rosbridge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	bridge "deixis/camera/rosbridge"
	"deixis/pipeline/robot"
)

// Options say where messages go. Server.URL, Name and Boot must be there.
type Options struct {
	Server     bridge.Options // Told is not looked at
	Name, Boot string         // as in robot.Message; Name is part of the topics
	FrameID    string         // of the camera; "" for that of the picture, or DefaultFrameID

	// Header is how the source stamped the picture that came at at, where it is a topic of
	// ROS; nil for other sources.
	Header func(at time.Time) (bridge.Header, bool)
	Inbox  *robot.Inbox // takes orders; nil: none are taken
	Log    *slog.Logger // nil means slog.Default()
}

// DefaultFrameID is the frame of a camera that has none: REP 103's suffix says that it is optical.
const DefaultFrameID = "camera_optical_frame"

// How often the health is told while it does not change, and how soon a server ends the
// connection of who is not let in.
const (
	healthEvery   = time.Second
	refusedWithin = 2 * time.Second
)

// A Client is a robot.Way.
type Client struct {
	o     Options
	clock clock

	conn   *bridge.Conn // nil while there is none
	since  time.Time    // of conn
	topics []bridge.Publication

	shown  shown
	target [2]string // phrase and track of the newest that was locked
	level  int       // of the newest diagnostics
	healed time.Time // when they were sent
	ids    int       // counts targets
	last   [2]string // newest order of each topic; belongs to the connection's goroutine
	saying atomic.Pointer[string]
}

// shown is what of a message decides whether topics of one picture are sent again.
type shown struct {
	at     time.Time
	state  string
	phrase string
	track  int
}

// Parse reads the address of a server: its port may be missing.
func Parse(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("not like ws://HOST:9090 or wss://HOST:9090")
	case u.User != nil:
		return "", errors.New("user and password do not belong into an address, which others can read")
	}
	u.Host = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "9090"))
	return u.String(), nil
}

// Token is name as a part of a ROS name: letters, digits and _, none of the digits in front.
func Token(name string) string {
	token := strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	if token == "" || token[0] == '_' || token[0] <= '9' {
		return "n" + token
	}
	return token
}

// New checks where messages go. It connects with the first of them.
func New(o Options) (*Client, error) {
	address, err := Parse(o.Server.URL)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Client{o: o, level: -1}
	c.o.Server.URL = address
	c.o.Server.Told = c.told
	c.topics = []bridge.Publication{
		{Topic: c.topic("target"), Type: typeString}, {Topic: c.topic("events"), Type: typeString},
		{Topic: c.topic("detections"), Type: typeDetections}, {Topic: c.topic("bearing"), Type: typeVector},
		{Topic: c.topic("point"), Type: typePoint}, {Topic: c.topic("region"), Type: typeRegion}, {Topic: "/diagnostics", Type: typeDiagnostics},
	}
	return c, nil
}

func (c *Client) topic(rest string) string { return "/deixis/" + Token(c.o.Name) + "/" + rest }

// told logs what a server says, each text once in a row.
func (c *Client) told(level, text string) {
	said := level + text
	if before := c.saying.Swap(&said); before == nil || *before != said {
		c.o.Log.Warn("the rosbridge server says", "level", level, "text", text)
	}
}

// connect dials where there is no connection. One that ended soon is an error, once: so
// servers refuse who is not let in.
func (c *Client) connect(ctx context.Context) error {
	if c.conn != nil {
		select {
		case <-c.conn.Done():
			err := c.conn.Err()
			c.drop()
			if time.Since(c.since) < refusedWithin {
				return err
			}
		default:
			return nil
		}
	}
	subs := []bridge.Subscription{{Topic: "/clock", Type: typeClock, Throttle: clockEvery, Queue: 1, BestEffort: true, Take: c.clock.take}}
	if c.o.Inbox != nil {
		subs = append(subs, bridge.Subscription{Topic: c.topic("phrase"), Type: typeString, Take: c.order(0)},
			bridge.Subscription{Topic: c.topic("command"), Type: typeString, Take: c.order(1)})
	}
	conn, err := bridge.Dial(ctx, c.o.Server, subs...)
	if err != nil {
		return err
	}
	for _, p := range c.topics {
		if err := conn.Advertise(ctx, p); err != nil {
			conn.Close()
			return err
		}
	}
	c.conn, c.since, c.shown, c.level = conn, time.Now(), shown{}, -1
	return nil
}

func (c *Client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// again is how soon after a connection an order counts as one that ROS kept.
const again = time.Second

// order takes messages of the topic of phrases, 0, or of commands, 1. ROS hands on what
// a publisher keeps for those who come later: what was taken before and comes
// again with a connection is not taken twice.
func (c *Client) order(kind int) func(json.RawMessage, time.Time) {
	since := time.Now()
	return func(msg json.RawMessage, at time.Time) {
		var m text
		from := c.topic([]string{"phrase", "command"}[kind])
		err := json.Unmarshal(msg, &m)
		switch {
		case err != nil:
			c.o.Inbox.Refuse(from, fmt.Errorf("not a %s: %w", typeString, err))
			return
		case len(m.Data) > robot.LongestOrder:
			c.o.Inbox.Refuse(from, errors.New("it is longer than 64 KiB"))
			return
		case c.last[kind] == m.Data && at.Sub(since) < again:
			return
		case kind == 1 && strings.TrimSpace(m.Data) == "":
			c.o.Inbox.Refuse(from, errors.New("an empty command"))
			return
		}
		c.last[kind] = m.Data
		o := robot.Order{Phrase: m.Data}
		if kind == 1 {
			o = robot.Order{Command: m.Data}
		}
		c.o.Inbox.Take(context.Background(), from, o)
	}
}

// Send publishes the message and the events. What tells of one picture goes out once a
// picture, and once more when there is something else to say of it.
func (c *Client) Send(ctx context.Context, p *robot.Parcel) error {
	if err := c.connect(ctx); err != nil {
		return err
	}
	err := c.send(ctx, p)
	if err != nil {
		c.drop()
	}
	return err
}

func (c *Client) send(ctx context.Context, p *robot.Parcel) error {
	for i := range p.Events {
		raw, err := json.Marshal(&p.Events[i])
		if err == nil {
			err = c.conn.Publish(ctx, c.topic("events"), text{string(raw)})
		}
		if err != nil {
			return fmt.Errorf("publish event: %w", err)
		}
	}
	m := p.Message
	if m == nil {
		return nil
	}
	if err := c.conn.Publish(ctx, c.topic("target"), text{string(p.JSON)}); err != nil {
		return fmt.Errorf("publish target: %w", err)
	}
	if now := (shown{m.At, m.State, m.Phrase, m.Track}); now != c.shown {
		if target := [2]string{m.Phrase, strconv.Itoa(m.Track)}; m.State == "locked" && target != c.target {
			c.target = target
			c.ids++
		}
		if err := c.sendPicture(ctx, m); err != nil {
			return err
		}
		c.shown = now
	}
	return c.sendHealth(ctx, m)
}

// sendPicture publishes what tells of one picture.
func (c *Client) sendPicture(ctx context.Context, m *robot.Message) error {
	h := c.headerOf(m)
	err := c.conn.Publish(ctx, c.topic("detections"), newDetections(h, m, m.Boot+"."+strconv.Itoa(c.ids)))
	if err == nil && m.State == "locked" && m.Bearing != nil {
		err = c.conn.Publish(ctx, c.topic("bearing"), newBearing(h, m.Bearing))
	}
	if d := m.Depth; err == nil && m.State == "locked" && d != nil && d.Point != nil {
		err = c.conn.Publish(ctx, c.topic("point"), pointStamped{h, vector{d.Point[0], d.Point[1], d.Point[2]}})
	}
	if err == nil {
		err = c.conn.Publish(ctx, c.topic("region"), newRegion(m))
	}
	if err != nil {
		return fmt.Errorf("publish detections: %w", err)
	}
	return nil
}

func (c *Client) sendHealth(ctx context.Context, m *robot.Message) error {
	now := time.Now()
	d := newDiagnostics(c.header(now), m)
	if level := d.Status[0].Level; level == c.level && now.Sub(c.healed) < healthEvery {
		return nil
	} else if err := c.conn.Publish(ctx, "/diagnostics", d); err != nil {
		return fmt.Errorf("publish diagnostics: %w", err)
	} else {
		c.level, c.healed = level, now
	}
	return nil
}

// headerOf is the header of the picture that m tells of; of now, where it tells of none any more.
func (c *Client) headerOf(m *robot.Message) bridge.Header {
	if m.At.IsZero() || m.Captured == nil {
		return c.header(time.Now())
	}
	if m.Refused != nil {
		switch m.Refused.Rule {
		case robot.RulePhrase, robot.RuleSource, robot.RuleAge, robot.RuleEnd:
			return c.header(time.Now())
		}
	}
	if h, ok := c.stamped(m.At); ok {
		return h
	}
	captured, err := time.Parse(time.RFC3339Nano, *m.Captured)
	if err != nil {
		captured = m.At
	}
	return c.header(captured)
}

// stamped is how the source stamped the picture that came at at, where it did.
func (c *Client) stamped(at time.Time) (bridge.Header, bool) {
	if c.o.Header == nil {
		return bridge.Header{}, false
	}
	h, ok := c.o.Header(at)
	h.FrameID = cmp.Or(c.o.FrameID, h.FrameID, DefaultFrameID)
	return h, ok
}

// header is that of a time of this machine, by the clock of a simulation where there
// is one.
func (c *Client) header(at time.Time) bridge.Header {
	return bridge.Header{Stamp: bridge.NewTime(c.clock.at(at)), FrameID: cmp.Or(c.o.FrameID, DefaultFrameID)}
}

// Close says that nothing more comes, where there is a connection, and ends it.
func (c *Client) Close(ctx context.Context) error {
	if c.conn == nil {
		return nil
	}
	defer func() {
		c.conn.Leave(ctx)
		c.conn = nil
	}()
	for _, p := range c.topics {
		if err := c.conn.Unadvertise(ctx, p.Topic); err != nil {
			return err
		}
	}
	return nil
}
