package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/listen"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/audit"
	"deixis/pipeline/robot/depth"
	"deixis/pipeline/robot/mqtt"
	"deixis/pipeline/robot/socket"
)

// openRobot joins what tells a robot of its target to the line.
func (s *show) openRobot(c *line.Config) (err error) {
	if !s.plan.robot {
		return nil
	}
	f, info := &s.flags.Robot, s.from.Info()
	o := robot.PublisherConfig{
		Config: robot.Config{
			Name: f.name(), Source: s.ref.String(), Boot: s.boot, Latency: f.Latency, ValidFor: f.ValidFor,
			Heartbeat: time.Duration(float64(time.Second) / f.Heartbeat),
		},
		Away: s.away, Log: s.g.Log,
	}
	if o.Lens, err = f.lens(info.Width, info.Height); err != nil {
		return err
	}
	o.Rules, _ = f.rules() // validated, as sizes are
	o.Sizes, _ = f.sizes()
	if f.Follow.On {
		o.Follow = f.Follow.law()
	}
	if err := s.openDepth(&o.Config); err != nil {
		return err
	}
	needs := pipeline.NoPixels
	if f.Audit != "" {
		if s.audit, err = audit.Open(audit.Options{Dir: f.Audit, Limit: f.Most << 20, Encode: opencv.EncodeJPEG, Log: s.g.Log}); err != nil {
			return app.Output(fmt.Errorf("--audit: %w", err))
		}
		s.closers = append(s.closers, s.audit.Close)
		o.Keeper, needs = s.audit, pipeline.Undrawn
	}
	if o.Outs, err = s.openWays(c, o.Boot); err != nil {
		return err
	}
	if err := s.watchLens(); err != nil {
		return err
	}
	s.robot = robot.NewPublisher(o)
	c.Outputs = append(c.Outputs, pipeline.Output{Name: "target", To: s.robot, Needs: needs, OnError: pipeline.Retry})
	return nil
}

// inbox takes orders from who is known, or from anyone where that is allowed; nil for
// nobody.
func (s *show) inbox(known bool) *robot.Inbox {
	if !known && !s.flags.Robot.Anon {
		return nil
	}
	return &robot.Inbox{Do: s.order, Log: s.g.Log}
}

// openWays prepares every way out. Each connects with its first message.
func (s *show) openWays(c *line.Config, boot string) (outs []robot.Out, err error) {
	f := &s.flags.Robot
	for i, addr := range append(slices.Clone(f.UDP), f.TCP...) {
		network := "udp"
		if i >= len(f.UDP) {
			network = "tcp"
		}
		way, err := socket.New(socket.Options{Network: network, Addr: addr, Inbox: s.inbox(false)})
		if err != nil {
			return nil, app.Usage(fmt.Errorf("--%s: %w", network, err))
		}
		outs = append(outs, robot.Out{Name: network + " " + addr, To: way})
	}
	if f.MQTT.URL != "" {
		way, err := s.mqtt(boot)
		if err != nil {
			return nil, err
		}
		outs = append(outs, robot.Out{Name: "mqtt", To: way})
	}
	if f.NATS.URL != "" {
		way, err := s.nats(boot)
		if err != nil {
			return nil, err
		}
		outs = append(outs, robot.Out{Name: "nats", To: way})
	}
	if f.ROS.URL != "" {
		way, err := s.rosbridge(boot)
		if err != nil {
			return nil, err
		}
		outs = append(outs, robot.Out{Name: "rosbridge", To: way})
		if f.ROS.Picture {
			pictures := way.Pictures(opencv.EncodeJPEG)
			s.closers = append(s.closers, pictures.Close)
			c.Outputs = append(c.Outputs, pipeline.Output{Name: "rosbridge picture", To: pictures, Needs: pipeline.Drawn, OnError: pipeline.Retry})
		}
	}
	return outs, nil
}

// mqtt is what tells a broker of a target.
func (s *show) mqtt(boot string) (way *mqtt.Client, err error) {
	f := &s.flags.Robot.MQTT
	o := mqtt.Options{URL: f.URL, User: f.User, Name: s.flags.Robot.name(), Boot: boot, HomeAssistant: f.Home, Inbox: s.inbox(f.User != "" || f.Cert != "")}
	if o.Password, err = f.password(); err != nil {
		return nil, err
	}
	if o.TLS, err = f.certificates(); err != nil {
		return nil, err
	}
	if o.Inbox == nil {
		s.g.Log.Info("commands over MQTT are not taken, since the broker does not know who sends them (--mqtt-user, --mqtt-cert or --commands-from-anyone)")
	}
	if way, err = mqtt.New(o); err != nil {
		return nil, app.Usage(fmt.Errorf("--mqtt: %w", err))
	}
	return way, nil
}

// openDepth looks where depth pictures come from, where there are any.
func (s *show) openDepth(c *robot.Config) (err error) {
	f := &s.flags.Robot
	if f.Depth == "" {
		return nil
	}
	o := depth.Options{Source: f.Depth, MaxPixels: s.g.MaxPixels, Header: s.stamps(), Log: s.g.Log}
	if o.Rosbridge, err = f.ROS.server(); err != nil {
		return err
	}
	if s.depth, err = depth.Open(o); err != nil {
		return app.Input(fmt.Errorf("--depth: %w", err))
	}
	c.Ranger = s.depth
	return nil
}

// away is why no pictures come at the moment; "" where they do.
func (s *show) away() string {
	switch {
	case s.gate.Paused():
		return "the picture is paused"
	case s.lost():
		return "the camera is away"
	}
	return ""
}

// order does what a robot or a broker asks for.
func (s *show) order(_ context.Context, o robot.Order) error {
	if o.Command == robot.Confirm {
		return s.confirm(o.Track)
	}
	if o.Command != "" {
		return s.orders.command(listen.Command(o.Command))
	}
	texts := pipeline.Split(o.Phrase)
	if len(texts) == 0 {
		return fmt.Errorf("look for nothing: %w (the command clear does that)", model.ErrEmptyPhrase)
	}
	return s.orders.look(texts)
}

// confirm locks the target that is proposed to a robot: track, or whichever it is for 0.
func (s *show) confirm(track int) error {
	if s.robot == nil {
		return errors.New("no robot is told of a target, so that there is nothing to confirm (--mqtt, --rosbridge, --nats, --udp, --tcp)")
	}
	return s.robot.Confirm(track)
}

// setPhrases tells the line, the next start and the robot what is looked for.
func (s *show) setPhrases(ps []model.Phrase) {
	s.line.SetPhrases(ps)
	s.state.Keep(s.line.Phrases())
	if s.robot != nil {
		s.robot.Ask(ps)
	}
}

// runRobot sends until ctx ends; the audit log ends after the last message.
func (s *show) runRobot(ctx context.Context, others *errgroup.Group) {
	if s.robot == nil {
		return
	}
	kept, stop := context.WithCancel(context.WithoutCancel(ctx))
	others.Go(func() error {
		defer stop()
		return s.robot.Run(ctx)
	})
	if s.audit != nil {
		others.Go(func() error { return s.audit.Run(kept) })
	}
	if s.depth != nil {
		others.Go(func() error { return s.depth.Run(ctx) })
	}
	if s.lens != nil {
		others.Go(func() error { return s.lens.Run(ctx) })
	}
}

// A reported line tells of the ways out to a robot as of its other outputs.
type reported struct {
	*line.Line
	show *show
}

// Outputs says how each output and each way is doing.
func (r reported) Outputs() []pipeline.OutputStats {
	all := slices.DeleteFunc(r.Line.Outputs(), func(o pipeline.OutputStats) bool { // those that settings may begin, and nobody has
		return o.Name == "recording" && r.show.tape != nil && !r.show.tape.on() || o.Name == "events" && r.show.outlet != nil && !r.show.outlet.on()
	})
	if r.show.robot != nil {
		all = append(all, r.show.robot.Stats()...)
	}
	if r.show.audit != nil {
		all = append(all, r.show.audit.Stats())
	}
	return all
}
