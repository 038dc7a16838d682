package main

import (
	"errors"
	"fmt"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/nats"
)

// natsArgs are the flags of the NATS server that a robot's target is sent to.
type natsArgs struct {
	URL string `name:"nats" placeholder:"URL" help:"Send a robot's target to this NATS server, such as nats://127.0.0.1:4222, or tls:// for TLS."`
	natsFlags
}

func (c *natsArgs) validate() error {
	switch {
	case c.URL == "" && c.given():
		return errors.New("--nats-user and the like need a server: add --nats URL")
	case c.URL == "":
		return nil
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("--nats-cert and --nats-key go together: give both, or neither")
	}
	if _, err := nats.Parse(c.URL); err != nil {
		return fmt.Errorf("--nats %s: %w", camera.Redacted(c.URL), err)
	}
	return nil
}

// nats is what tells a NATS server of a target. Orders come from one that knows who
// sends them, or where anyone may give them.
func (s *show) nats(boot string) (*nats.Client, error) {
	f := &s.flags.Robot.NATS
	server, err := f.at(f.URL, s.g.Log)
	if err != nil {
		return nil, err
	}
	o := nats.Options{Server: server, Name: s.flags.Robot.name(), Boot: boot, Inbox: s.inbox(f.named()), Understand: s.understand}
	if o.Inbox == nil {
		s.g.Log.Info("commands over NATS are not taken, since the server does not know who sends them (--nats-creds, --nats-user, --nats-cert or --commands-from-anyone)")
	}
	c, err := nats.New(o)
	if err != nil {
		return nil, app.Usage(fmt.Errorf("--nats: %w", err))
	}
	return c, nil
}

// understand says what of an order's phrases reaches the network.
func (s *show) understand(text string) (all []robot.Understood) {
	list := func(words []string) []string { return append([]string{}, words...) }
	for _, t := range pipeline.Split(text) {
		p, err := s.by.Bundle.Phrase(t)
		if err != nil {
			continue // it was refused as an order
		}
		all = append(all, robot.Understood{
			Phrase: p.Text, Tokens: p.Tokens(), Room: s.by.Bundle.Limits.MaxTokens - 2,
			Pieces: list(p.Pieces()), Unknown: list(p.Unknown()), Notes: list(p.Unserved()),
		})
	}
	return all
}
