package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"deixis/camera"
	bridge "deixis/camera/rosbridge"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/robot/lens"
	"deixis/pipeline/robot/rosbridge"
)

// rosArgs are the flags of a rosbridge server: of the one that is told, and of that of a
// ros:// source.
type rosArgs struct {
	URL      string `name:"rosbridge" placeholder:"URL" help:"Send a robot's target to ROS 2 through this rosbridge server, such as ws://127.0.0.1:9090, or wss:// for TLS."`
	Secret   string `name:"rosbridge-secret-file" placeholder:"FILE" help:"File with the secret that is shared with rosauth (or DEIXIS_ROSBRIDGE_SECRET); for ros:// sources, too."`
	CA       string `name:"rosbridge-ca" placeholder:"FILE.pem" help:"Certificates that the server's is checked with (default: the system's)."`
	Fragment int    `name:"rosbridge-fragment" placeholder:"BYTES" help:"Cut messages that are longer into fragments, both ways."`
	QoS      bool   `name:"rosbridge-qos" help:"Send the object qos, which servers from 2026 on know, beside queue_size, latch and queue_length."`
	Picture  bool   `name:"rosbridge-picture" help:"Publish what is shown, too, as CompressedImage, up to ten a second."`
	FrameID  string `name:"frame-id" placeholder:"FRAME" help:"Frame of the camera in what ROS is told (default: that of a ros:// source, else camera_optical_frame)."`
}

// rosSecretEnv names the variable with the secret of rosauth.
const rosSecretEnv = "DEIXIS_ROSBRIDGE_SECRET"

// validate names what cannot be; fromROS says that the pictures are a topic.
func (c *rosArgs) validate(source string, fromROS bool) error {
	switch {
	case c.URL == "" && (c.Picture || c.FrameID != ""):
		return errors.New("--rosbridge-picture and --frame-id need a server: add --rosbridge URL")
	case c.URL == "" && !fromROS && (c.Secret != "" || c.CA != "" || c.QoS || c.Fragment != 0):
		return errors.New("--rosbridge-secret-file and the like need a server: add --rosbridge URL, or read ros://HOST/TOPIC")
	case c.Fragment != 0 && (c.Fragment < 100 || c.Fragment > 1<<26):
		return fmt.Errorf("--rosbridge-fragment %d: not from 100 to %d bytes", c.Fragment, 1<<26)
	}
	if c.URL != "" {
		if _, err := rosbridge.Parse(c.URL); err != nil {
			return fmt.Errorf("--rosbridge %s: %w", camera.Redacted(c.URL), err)
		}
	}
	if c.CA != "" && !strings.HasPrefix(c.URL, "wss://") && !strings.HasPrefix(source, "ross://") {
		return errors.New("--rosbridge-ca: certificates need wss://, or a source ross://")
	}
	return nil
}

// server is how servers are talked to, whatever their address.
func (c *rosArgs) server() (o bridge.Options, err error) {
	o = bridge.Options{URL: c.URL, Fragment: c.Fragment, QoS: c.QoS}
	if o.Secret, err = secret("--rosbridge-secret-file", c.Secret, rosSecretEnv); err != nil {
		return o, err
	}
	o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	o.TLS.RootCAs, err = authorities("--rosbridge-ca", c.CA)
	return o, err
}

// rosbridge is what tells ROS of a target. Orders come from a server that checks a
// secret, or where anyone may give them.
func (s *show) rosbridge(boot string) (*rosbridge.Client, error) {
	f := &s.flags.Robot
	o := rosbridge.Options{Name: f.name(), Boot: boot, FrameID: f.ROS.FrameID, Header: s.stamps(), Inbox: s.inbox(false), Log: s.g.Log}
	var err error
	if o.Server, err = f.ROS.server(); err != nil {
		return nil, err
	}
	if o.Server.Secret != "" {
		o.Inbox = s.inbox(true)
	}
	if o.Inbox == nil {
		s.g.Log.Info("commands over rosbridge are not taken, since the server does not know who sends them (--rosbridge-secret-file or --commands-from-anyone)")
	}
	c, err := rosbridge.New(o)
	if err != nil {
		return nil, app.Usage(fmt.Errorf("--rosbridge: %w", err))
	}
	return c, nil
}

// stamps are those of the pictures of a topic, by when they came; nil for another source.
func (s *show) stamps() func(at time.Time) (bridge.Header, bool) {
	from, ok := s.from.(interface {
		Header(at time.Time) (bridge.Header, bool)
	})
	if !ok || !s.ref.ROS() {
		return nil
	}
	return from.Header
}

// watchLens reads the lens of a topic of pictures from ROS, where no flag says it.
func (s *show) watchLens() error {
	f := &s.flags.Robot
	if !s.ref.ROS() || f.Info != "" || f.FOV != 0 {
		return nil
	}
	server, err := f.ROS.server()
	s.lens = &rosbridge.LensWatch{Source: s.ref.Path, Server: server, Set: func(l *lens.Lens) { s.robot.SetLens(l) }, Log: s.g.Log}
	return err
}
