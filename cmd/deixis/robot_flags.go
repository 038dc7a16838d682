package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/lens"
	"deixis/pipeline/robot/mqtt"
)

// robotArgs are the flags of what a robot is told.
type robotArgs struct {
	Name string   `placeholder:"NAME" help:"Name of this camera in events, messages and topics (default: none in events, else the host's)."`
	UDP  []string `name:"udp" placeholder:"HOST:PORT" help:"Send a robot's target there, a JSON line a message; may be given several times."`
	TCP  []string `name:"tcp" placeholder:"HOST:PORT" help:"The same over TCP: the robot listens, this program connects."`
	Anon bool     `name:"commands-from-anyone" help:"Take phrases and commands over TCP, and from a broker or server that asks for no user, certificate or secret."`

	MQTT mqttArgs `embed:""`
	ROS  rosArgs  `embed:""`
	NATS natsArgs `embed:""`

	ValidFor  time.Duration `default:"500ms" min:"1ms" max:"1m" help:"How long after its capture a locked target may be acted on."`
	Heartbeat float64       `default:"5" placeholder:"HZ" min:"0.1" max:"100" help:"Least target messages a second."`
	Latency   time.Duration `placeholder:"D" min:"0s" max:"1m" help:"How long the camera itself takes, which no source tells: taken off every capture time."`

	Info  string   `name:"camera-info" xor:"lens" placeholder:"FILE.yaml" help:"ROS camera_info of the camera, for bearings: plumb_bob or equidistant."`
	FOV   float64  `name:"fov" xor:"lens" placeholder:"DEG" min:"0" max:"180" help:"Width of the picture in degrees, for bearings of a camera that is not calibrated."`
	Sizes []string `name:"known-size" sep:"none" placeholder:"NAME=METRES" help:"Height of things by name, for distances, such as \"a mug\"=0.09, or =0.12w for their width; may be given several times."`

	Depth string `name:"depth" placeholder:"SOURCE" help:"Depth pictures beside the pictures, PNG of 16 bits in mm, registered to them: a folder, tcp://HOST:PORT with one after the other, or ros://HOST:9090/TOPIC (compressedDepth)."`

	Zones     []string      `name:"zone" sep:"none" placeholder:"X,Y..." help:"Only a target whose centre is in this polygon may be acted on: corners from 0,0 to 1,1, such as \"0,0.5 1,0.5 1,1 0,1\"; may be given several times."`
	Forbidden []string      `name:"forbidden-zone" sep:"none" placeholder:"X,Y..." help:"No target that touches this polygon may be acted on."`
	MinSize   float64       `placeholder:"SHARE" min:"0" max:"1" help:"Least share of the picture that a target fills, 0 to 1."`
	MaxSize   float64       `placeholder:"SHARE" min:"0" max:"1" help:"Greatest share."`
	MaxRate   float64       `placeholder:"DEG/S" min:"0" help:"Greatest angular rate of a target."`
	Dwell     time.Duration `placeholder:"D" min:"0s" help:"How long the same thing must be locked before that is said."`
	Confirm   bool          `help:"Only propose each target until the command confirm locks it."`

	Follow followArgs `embed:""`
	Audit  string     `placeholder:"DIR" help:"Keep a JSON line and the picture at each change of state there."`
	Most   int64      `name:"audit-limit" default:"1000" placeholder:"MB" min:"16" help:"How much that folder may hold; the oldest goes first."`
}

// mqttArgs are the flags of the broker.
type mqttArgs struct {
	URL      string `name:"mqtt" placeholder:"URL" help:"Send a robot's target to this MQTT 5 broker, such as mqtt://127.0.0.1:1883, or mqtts:// for TLS."`
	User     string `name:"mqtt-user" placeholder:"USER" help:"User at the broker."`
	Password string `name:"mqtt-password-file" placeholder:"FILE" help:"File with the password (or DEIXIS_MQTT_PASSWORD)."`
	CA       string `name:"mqtt-ca" placeholder:"FILE.pem" help:"Certificates that the broker's is checked with (default: the system's)."`
	Cert     string `name:"mqtt-cert" placeholder:"FILE.pem" help:"Certificate to show the broker; needs --mqtt-key."`
	Key      string `name:"mqtt-key" placeholder:"FILE.pem" help:"Key of the certificate."`
	Home     bool   `name:"home-assistant" help:"Describe the topics to Home Assistant."`
}

// followArgs are the flags of robot.Law. Their defaults are held to robot.DefaultLaw by
// a test.
type followArgs struct {
	On    bool    `name:"follow" help:"Say in each message how to turn a camera after its target."`
	P     float64 `name:"follow-p" default:"2" above:"0" help:"Its speed for each radian off the middle, 1/s."`
	D     float64 `name:"follow-d" default:"0.15" min:"0" help:"Its speed for each radian a second that the target moves."`
	Most  float64 `name:"follow-speed" default:"1" placeholder:"RAD/S" above:"0" help:"Greatest speed."`
	Accel float64 `name:"follow-accel" default:"8" placeholder:"RAD/S2" above:"0" help:"Greatest change of speed a second."`
}

func (c *followArgs) law() *robot.Law {
	return &robot.Law{P: c.P, D: c.D, Most: c.Most, Accel: c.Accel}
}

// on says whether anybody is told of a target, or keeps what would be.
func (c *robotArgs) on() bool {
	return c.MQTT.URL != "" || c.ROS.URL != "" || c.NATS.URL != "" || len(c.UDP) > 0 || len(c.TCP) > 0 || c.Audit != ""
}

// passwordEnv names the variable with the broker's password. It has no flag, which
// others on the machine could read.
const passwordEnv = "DEIXIS_MQTT_PASSWORD"

// validate names what cannot be with source.
func (c *robotArgs) validate(source string) error {
	var errs []error
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	asks := c.Follow.On || c.Confirm || c.Dwell != 0 || c.MaxRate != 0 || c.MinSize != 0 || c.MaxSize != 0 || c.Depth != "" || len(c.Zones)+len(c.Forbidden)+len(c.Sizes) > 0
	if asks && !c.on() {
		wrong("--follow, --confirm, --dwell, --zone, --known-size, --depth and the like shape what a robot is told: add --mqtt URL, --rosbridge URL, --nats URL, --udp HOST:PORT, --tcp HOST:PORT or --audit DIR")
	}
	fromROS := camera.Ref{Kind: camera.Stream, URI: source}.ROS() // the lens may be told there
	if noLens := c.Info == "" && c.FOV == 0 && !fromROS; noLens && (c.Follow.On || c.MaxRate != 0 || len(c.Sizes) > 0) {
		wrong("--follow, --max-rate and --known-size need to know the lens: add --fov DEG or --camera-info FILE.yaml")
	}
	if !(c.Heartbeat >= 0.1 && c.Heartbeat <= 100) {
		wrong("--heartbeat %v: not from 0.1 to 100 a second", c.Heartbeat)
	}
	if c.ValidFor < time.Millisecond || c.ValidFor > time.Minute {
		wrong("--valid-for %v: not from 1ms to 1m", c.ValidFor)
	}
	if c.Latency < 0 || c.Latency > time.Minute {
		wrong("--latency %v: not from 0 to 1m", c.Latency)
	}
	if c.Most < 16 || c.Most > math.MaxInt64>>20 {
		wrong("--audit-limit %d: it must be 16 MB or more", c.Most)
	}
	rules, err := c.rules()
	errs = append(errs, err, rules.Validate(), c.Follow.law().Validate(), c.MQTT.validate(c.name()), c.ROS.validate(source, fromROS), c.NATS.validate())
	if _, err := c.sizes(); err != nil {
		errs = append(errs, fmt.Errorf("--known-size: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return app.Usage(err)
	}
	return nil
}

func (c *mqttArgs) validate(name string) error {
	switch {
	case c.URL == "" && (c.User != "" || c.Password != "" || c.CA != "" || c.Cert != "" || c.Home):
		return errors.New("--mqtt-user and the like need a broker: add --mqtt URL")
	case c.URL == "":
		return nil
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("--mqtt-cert and --mqtt-key go together: give both, or neither")
	}
	u, err := mqtt.Parse(c.URL)
	if err != nil {
		return fmt.Errorf("--mqtt %s: %w", camera.Redacted(c.URL), err)
	}
	if u.Scheme != "mqtts" && c.CA+c.Cert != "" {
		return fmt.Errorf("--mqtt %s: certificates need mqtts://", c.URL)
	}
	if err := mqtt.CheckName(name); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	return nil
}

// name is --name, or the host's.
func (c *robotArgs) name() string {
	if c.Name != "" {
		return c.Name
	}
	host, err := os.Hostname()
	if err != nil {
		return "deixis"
	}
	return host
}

// rules are the guard rails of the flags.
func (c *robotArgs) rules() (robot.Rules, error) {
	r := robot.Rules{MinSize: c.MinSize, MaxSize: c.MaxSize, MaxRate: c.MaxRate * math.Pi / 180, Dwell: c.Dwell, Confirm: c.Confirm}
	var errs []error
	for _, text := range c.Zones {
		p, err := robot.ParsePolygon(text)
		r.Zones, errs = append(r.Zones, p), append(errs, named("--zone", err))
	}
	for _, text := range c.Forbidden {
		p, err := robot.ParsePolygon(text)
		r.Forbidden, errs = append(r.Forbidden, p), append(errs, named("--forbidden-zone", err))
	}
	return r, errors.Join(errs...)
}

// named is err with the flag that it is about; nil for nil.
func named(flag string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", flag, err)
}

func (c *robotArgs) sizes() (all []lens.KnownSize, err error) {
	for _, text := range c.Sizes {
		k, wrong := lens.ParseSize(text)
		all, err = append(all, k), errors.Join(err, wrong)
	}
	return all, err
}

// lens is what --fov or --camera-info say, for pictures of w by h pixels, 0 where
// that is not known; nil for neither flag.
func (c *robotArgs) lens(w, h int) (*lens.Lens, error) {
	switch {
	case c.FOV != 0:
		l, err := lens.FromFOV(c.FOV)
		if err != nil {
			return nil, app.Usage(fmt.Errorf("--fov: %w", err))
		}
		return l, nil
	case c.Info == "":
		return nil, nil
	}
	f, err := camera.OpenRegular(c.Info)
	if err != nil {
		return nil, app.Input(fmt.Errorf("--camera-info: %w", err))
	}
	defer f.Close()
	l, err := lens.ReadCameraInfo(f)
	if err == nil && w > 0 && h > 0 {
		_, err = l.For(w, h)
	}
	if err != nil {
		return nil, app.Input(fmt.Errorf("--camera-info %s: %w", c.Info, err))
	}
	return l, nil
}

// password is what proves the user to the broker; "" for nothing.
func (c *mqttArgs) password() (string, error) {
	return secret("--mqtt-password-file", c.Password, passwordEnv)
}

// secret is what a file holds, or without one a variable: neither can be read by others on the
// machine, as flags can.
func secret(flag, file, env string) (string, error) {
	if file == "" {
		return os.Getenv(env), nil
	}
	f, err := camera.OpenRegular(file)
	if err != nil {
		return "", app.Input(fmt.Errorf("%s: %w", flag, err))
	}
	defer f.Close()
	raw := make([]byte, 64<<10)
	n, err := f.Read(raw)
	if n == 0 {
		return "", app.Input(fmt.Errorf("%s %s: nothing in it: %w", flag, file, err))
	}
	return strings.TrimRight(string(raw[:n]), "\r\n"), nil
}

// authorities are the certificates in a file; nil, the system's, for none.
func authorities(flag, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, app.Input(fmt.Errorf("%s: %w", flag, err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, app.Input(fmt.Errorf("%s %s: no certificates in PEM", flag, file))
	}
	return pool, nil
}

// certificates are what the broker is checked with and shown.
func (c *mqttArgs) certificates() (conf *tls.Config, err error) {
	conf = &tls.Config{MinVersion: tls.VersionTLS12}
	if conf.RootCAs, err = authorities("--mqtt-ca", c.CA); err != nil {
		return nil, err
	}
	if c.Cert != "" {
		cert, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, app.Input(fmt.Errorf("read --mqtt-cert %s and --mqtt-key %s: %w", c.Cert, c.Key, err))
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}
