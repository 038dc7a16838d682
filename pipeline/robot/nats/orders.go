package nats

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"deixis/pipeline/robot"
)

// A waiter asked for a phrase and is answered with the first target under it.
type waiter struct {
	to      *nats.Msg
	phrase  string
	phrases []robot.Understood
	timer   *time.Timer // answers when no target comes
}

// How long an answer waits for a target, and how many may wait.
const (
	targetFor   = 2 * time.Second
	mostWaiting = 100
)

// answer replies to who wants one.
func (c *Client) answer(to *nats.Msg, r robot.Reply) {
	if to.Reply == "" {
		return
	}
	if r.V = 1; r.Phrases == nil {
		r.Phrases = []robot.Understood{}
	}
	raw, err := json.Marshal(r)
	if err == nil {
		err = to.Respond(raw)
	}
	if err != nil {
		c.o.Server.Log.Debug("an order is not answered", "subject", to.Subject, "err", err)
	}
}

// refuse says that an order was not taken.
func (c *Client) refuse(to *nats.Msg, why error) {
	c.answer(to, robot.Reply{Error: why.Error()})
}

// checked takes an order that is not longer than it may be.
func (c *Client) checked(m *nats.Msg, o robot.Order) error {
	if len(m.Data) > robot.LongestOrder {
		err := errors.New("it is longer than 64 KiB")
		c.o.Inbox.Refuse(m.Subject, err)
		return err
	}
	return c.o.Inbox.Take(context.Background(), m.Subject, o)
}

// command takes a command.
func (c *Client) command(m *nats.Msg) {
	if len(m.Data) == 0 {
		err := errors.New("an empty command")
		c.o.Inbox.Refuse(m.Subject, err)
		c.refuse(m, err)
		return
	}
	if err := c.checked(m, robot.Order{Command: string(m.Data)}); err != nil {
		c.refuse(m, err)
		return
	}
	c.answer(m, robot.Reply{OK: true})
}

// phrase takes phrases to look for, and answers once the network has looked for the
// first of them.
func (c *Client) phrase(m *nats.Msg) {
	if err := c.checked(m, robot.Order{Phrase: string(m.Data)}); err != nil {
		c.refuse(m, err)
		return
	}
	w := &waiter{to: m}
	if c.o.Understand != nil {
		w.phrases = c.o.Understand(string(m.Data))
	}
	c.mu.Lock()
	if m.Reply == "" || c.over || len(w.phrases) == 0 || len(c.waiting) >= mostWaiting {
		c.mu.Unlock()
		c.answer(m, robot.Reply{OK: true, Phrases: w.phrases})
		return
	}
	w.phrase = w.phrases[0].Phrase
	if tells(c.newest, w.phrase) { // it was quicker, or is the same as before
		raw := c.raw
		c.mu.Unlock()
		c.answer(m, robot.Reply{OK: true, Phrases: w.phrases, Target: raw})
		return
	}
	w.timer = time.AfterFunc(targetFor, func() { c.late(w) })
	c.waiting[w] = true
	c.mu.Unlock()
}

// late answers without a target.
func (c *Client) late(w *waiter) {
	c.mu.Lock()
	there := c.waiting[w]
	delete(c.waiting, w)
	c.mu.Unlock()
	if there {
		c.answer(w.to, robot.Reply{OK: true, Phrases: w.phrases})
	}
}

// tells says whether m is what the network made of phrase.
func tells(m *robot.Message, phrase string) bool {
	return m != nil && m.Phrase == phrase && m.Captured != nil && m.State != "searching" && (m.Refused == nil || m.Refused.Rule != robot.RuleSource)
}

// sent answers those who waited for the message of p.
func (c *Client) sent(p *robot.Parcel) {
	var due []*waiter
	c.mu.Lock()
	c.newest, c.raw = p.Message, p.JSON
	for w := range c.waiting {
		if tells(p.Message, w.phrase) {
			w.timer.Stop()
			delete(c.waiting, w)
			due = append(due, w)
		}
	}
	c.mu.Unlock()
	for _, w := range due {
		c.answer(w.to, robot.Reply{OK: true, Phrases: w.phrases, Target: p.JSON})
	}
}

// get answers with the newest message.
func (c *Client) get(m *nats.Msg) {
	c.mu.Lock()
	raw := c.raw
	c.mu.Unlock()
	if m.Reply != "" && raw != nil {
		m.Respond(raw)
	}
}
