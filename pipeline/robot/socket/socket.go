// Package socket sends a robot's target as JSON lines over UDP and TCP.
package socket

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"deixis/pipeline/robot"
)

// Options say where lines go.
type Options struct {
	Network string // udp or tcp
	Addr    string // HOST:PORT, of who listens there

	Inbox *robot.Inbox // takes orders that come back over TCP; nil: none are taken
}

// What a connection waits for.
const (
	dialFor  = 5 * time.Second
	writeFor = 2 * time.Second // who reads nothing for so long is gone
)

// A Client is a robot.Way. It connects when there is something to send.
type Client struct {
	o       Options
	conn    net.Conn // nil while there is none
	readers sync.WaitGroup
	stop    context.CancelFunc
	ctx     context.Context
}

// New checks an address. Nothing is opened yet.
func New(o Options) (*Client, error) {
	if host, port, err := net.SplitHostPort(o.Addr); err != nil || host == "" || port == "" || port == "0" {
		return nil, fmt.Errorf("%q is not like 192.168.1.20:7421", o.Addr)
	}
	c := &Client{o: o}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Send writes the message in a line of its own; events have no place there.
func (c *Client) Send(ctx context.Context, p *robot.Parcel) error {
	if p.Message == nil {
		return nil
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	until := time.Now().Add(writeFor)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	conn := c.conn
	err := conn.SetWriteDeadline(until)
	hurry := context.AfterFunc(ctx, func() { conn.SetWriteDeadline(time.Now()) })
	defer hurry()
	if err == nil {
		line := make([]byte, 0, len(p.JSON)+1)
		_, err = conn.Write(append(append(line, p.JSON...), '\n'))
	}
	if err != nil { // part of the line may be out: the next begins a connection of its own
		c.drop()
	}
	return err
}

func (c *Client) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	d := net.Dialer{Timeout: dialFor}
	conn, err := d.DialContext(ctx, c.o.Network, c.o.Addr)
	if err != nil {
		return err
	}
	c.conn = conn
	if c.o.Network == "tcp" {
		c.readers.Go(func() { c.read(conn) })
	}
	return nil
}

// read takes orders until the connection ends, which closes it: the next line finds
// that out at once.
func (c *Client) read(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReaderSize(conn, robot.LongestOrder)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		if c.o.Inbox != nil {
			c.order(line, more)
		}
		for more && err == nil {
			_, more, err = lines.ReadLine()
		}
	}
}

// order does what one line asks for; more says that it is longer than it may be.
func (c *Client) order(line []byte, more bool) {
	var o robot.Order
	err := json.Unmarshal(line, &o)
	switch {
	case more:
		c.o.Inbox.Refuse(c.o.Addr, errors.New("it is longer than 64 KiB"))
	case err != nil:
		c.o.Inbox.Refuse(c.o.Addr, fmt.Errorf(`not like {"phrase": "the blue box"} or {"command": "confirm"}: %w`, err))
	default:
		c.o.Inbox.Take(c.ctx, c.o.Addr, o)
	}
}

func (c *Client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Close ends the connection.
func (c *Client) Close(context.Context) error {
	c.stop()
	c.drop()
	c.readers.Wait()
	return nil
}
