package mqtt

import (
	"context"
	"errors"

	"github.com/eclipse/paho.golang/paho"

	"deixis/pipeline/robot"
)

// receive takes an order. What cannot be done is told, and does no harm.
func (c *Client) receive(ctx context.Context) func(paho.PublishReceived) (bool, error) {
	return func(in paho.PublishReceived) (bool, error) {
		p := in.Packet
		switch {
		case p.Topic == c.topic("availability"):
			if conn := c.live.Load(); string(p.Payload) == offline && !c.away.Load() {
				go c.publish(ctx, conn, p.Topic, []byte(online), true) // its error is that of the next message, too
			}
		case c.o.Inbox == nil || p.Retain:
		case len(p.Payload) > robot.LongestOrder:
			c.o.Inbox.Refuse(p.Topic, errors.New("it is longer than 64 KiB"))
		case p.Topic == c.topic("phrase/set"):
			c.o.Inbox.Take(ctx, p.Topic, robot.Order{Phrase: string(p.Payload)})
		case p.Topic == c.topic("command") && len(p.Payload) == 0:
			c.o.Inbox.Refuse(p.Topic, errors.New("an empty command"))
		case p.Topic == c.topic("command"):
			c.o.Inbox.Take(ctx, p.Topic, robot.Order{Command: string(p.Payload)})
		}
		return true, nil
	}
}
