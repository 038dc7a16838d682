package mqtt

import (
	"context"

	"github.com/eclipse/paho.golang/paho"

	"deixis/pipeline/robot"
)

// longestOrder is how many bytes an order may have: a phrase has at most 2000 letters.
const longestOrder = 64 << 10

// receive takes an order. What cannot be done is told, and does no harm.
func (c *Client) receive(ctx context.Context) func(paho.PublishReceived) (bool, error) {
	return func(in paho.PublishReceived) (bool, error) {
		p := in.Packet
		if c.o.Do == nil || p.Retain {
			return true, nil
		}
		var o robot.Order
		switch p.Topic {
		case c.topic("phrase/set"):
			o.Phrase = string(p.Payload)
		case c.topic("command"):
			o.Command = string(p.Payload)
			if o.Command == "" {
				o.Command = "(empty)"
			}
		default:
			return false, nil
		}
		if len(p.Payload) > longestOrder {
			c.o.Log.Warn("order refused", "topic", p.Topic, "why", "it is longer than 64 KiB")
			return true, nil
		}
		checked, err := o.Checked()
		if err == nil {
			err = c.o.Do(ctx, checked)
		}
		if err != nil {
			c.o.Log.Warn("order refused", "topic", p.Topic, "why", err)
		}
		return true, nil
	}
}
