package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/robot"
)

// within is how long a test waits for what it knows must come.
const within = 2 * time.Minute

func TestRobotFlags(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, defaults)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"live", "0"}); err != nil {
		t.Fatal(err)
	}
	r := &c.Live.Robot
	if *r.Follow.law() != robot.DefaultLaw || r.ValidFor != robot.DefaultValidFor || time.Duration(float64(time.Second)/r.Heartbeat) != robot.DefaultHeartbeat {
		t.Errorf("the flags' defaults are %+v, the room's %+v", r, robot.DefaultLaw)
	}
	if r.on() || r.validate("0") != nil || r.name() == "" {
		t.Errorf("%+v: %v", r, r.validate("0"))
	}
}

func TestRobotErrors(t *testing.T) {
	noDesktop(t)
	b := network(t)
	const short = "pattern://64x48?frames=2"
	udp := []string{"--udp", "127.0.0.1:9"}
	file := written(t, "a.yaml", "image_width: 1")
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"follow whom":          {[]string{"--follow", "--fov", "60"}, app.ExitUsage, "--udp"},
		"follow without lens":  {append(udp, "--follow"), app.ExitUsage, "--fov"},
		"sizes without lens":   {append(udp, "--known-size", "mug=0.1"), app.ExitUsage, "--fov"},
		"bad size":             {append(udp, "--known-size", "mug", "--fov", "60"), app.ExitUsage, "0.09"},
		"bad fov":              {append(udp, "--fov", "270"), app.ExitUsage, "--fov"},
		"two lenses":           {append(udp, "--fov", "60", "--camera-info", file), app.ExitUsage, "--camera-info"},
		"no camera info":       {append(udp, "--camera-info", "gone.yaml"), app.ExitInput, "gone.yaml"},
		"bad camera info":      {append(udp, "--camera-info", file), app.ExitInput, "camera_matrix"},
		"bad zone":             {append(udp, "--zone", "0,0 1,1"), app.ExitUsage, "three or more"},
		"bad forbidden zone":   {append(udp, "--forbidden-zone", "0,0 1,1 7,1"), app.ExitUsage, "7,1"},
		"bad sizes":            {append(udp, "--min-size", "0.5", "--max-size", "0.1"), app.ExitUsage, "below min-size"},
		"no heart":             {append(udp, "--heartbeat", "0"), app.ExitUsage, "--heartbeat"},
		"no validity":          {append(udp, "--valid-for", "0s"), app.ExitUsage, "--valid-for"},
		"negative latency":     {append(udp, "--latency=-1s"), app.ExitUsage, "--latency"},
		"negative dwell":       {append(udp, "--dwell=-1s"), app.ExitUsage, "dwell"},
		"no gain":              {append(udp, "--follow-p", "0"), app.ExitUsage, "--follow-p"},
		"bad udp":              {[]string{"--udp", "here"}, app.ExitUsage, "--udp"},
		"bad tcp":              {[]string{"--tcp", "here"}, app.ExitUsage, "--tcp"},
		"bad broker":           {[]string{"--mqtt", "http://x"}, app.ExitUsage, "mqtt://"},
		"password in the open": {[]string{"--mqtt", "mqtt://me:sesame@x"}, app.ExitUsage, "password"},
		"user of no broker":    {[]string{"--mqtt-user", "me"}, app.ExitUsage, "--mqtt URL"},
		"bad name":             {[]string{"--mqtt", "mqtt://x", "--name", "a/b"}, app.ExitUsage, "--name"},
		"half a certificate":   {[]string{"--mqtt", "mqtts://x", "--mqtt-cert", file}, app.ExitUsage, "--mqtt-key"},
		"certificate in clear": {[]string{"--mqtt", "mqtt://x", "--mqtt-ca", file}, app.ExitUsage, "mqtts://"},
		"no certificate":       {[]string{"--mqtt", "mqtts://x", "--mqtt-ca", file}, app.ExitInput, "PEM"},
		"no password":          {[]string{"--mqtt", "mqtt://x", "--mqtt-password-file", "gone.txt"}, app.ExitInput, "gone.txt"},
		"bad server":           {[]string{"--rosbridge", "http://x"}, app.ExitUsage, "ws://"},
		"secret in the open":   {[]string{"--rosbridge", "ws://me:sesame@x"}, app.ExitUsage, "password"},
		"picture for nobody":   {[]string{"--rosbridge-picture"}, app.ExitUsage, "--rosbridge URL"},
		"secret for nobody":    {[]string{"--rosbridge-secret-file", file}, app.ExitUsage, "--rosbridge URL"},
		"ROS in clear":         {[]string{"--rosbridge", "ws://x", "--rosbridge-ca", file}, app.ExitUsage, "wss://"},
		"small fragments":      {[]string{"--rosbridge", "ws://x", "--rosbridge-fragment", "7"}, app.ExitUsage, "bytes"},
		"bad NATS server":      {[]string{"--nats", "http://x"}, app.ExitUsage, "nats://"},
		"user of no NATS":      {[]string{"--nats-user", "me"}, app.ExitUsage, "--nats URL"},
		"half a NATS key":      {[]string{"--nats", "tls://x", "--nats-cert", file}, app.ExitUsage, "--nats-key"},
		"depth for nobody":     {[]string{"--depth", "gone"}, app.ExitUsage, "--depth"},
		"small audit":          {[]string{"--audit", t.TempDir(), "--audit-limit", "1"}, app.ExitUsage, "--audit-limit"},
		"audit in a file":      {[]string{"--audit", file}, app.ExitFailed, "--audit"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := deixis(t, append([]string{"live", short, "--headless", "--log-level", "error", "--bundle", b.Dir}, tt.args...)...)
			if code != tt.code || out != "" || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 || strings.Contains(errs, "sesame") {
				t.Errorf("code %d, stdout %q, stderr %q; want %d and one line that says %q", code, out, errs, tt.code, tt.says)
			}
		})
	}
}

// Files that are not there, or hold something else, are told by the flag that names them.
func TestFilesOfServers(t *testing.T) {
	file := written(t, "a.txt", "no certificate")
	for says, f := range map[string]robotArgs{
		"--rosbridge-secret-file: ": {ROS: rosArgs{URL: "ws://x", Secret: "gone"}},
		"--rosbridge-ca " + file:    {ROS: rosArgs{URL: "wss://x", CA: file}},
		"--nats-creds: ":            {NATS: natsArgs{"nats://x", natsFlags{Creds: "gone"}}},
		"--nats-password-file: ":    {NATS: natsArgs{"nats://x", natsFlags{User: "me", Password: "gone"}}},
		"--depth: ":                 {Depth: "gone"},
	} {
		s := &show{flags: &liveCmd{Robot: f}, g: &app.Globals{Log: slog.New(slog.DiscardHandler)}}
		_, err := s.openWays(nil, "B")
		if err == nil {
			err = s.openDepth(&robot.Config{})
		}
		if app.ExitCode(err) != app.ExitInput || !strings.HasPrefix(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestPasswordOfTheBroker(t *testing.T) {
	t.Setenv(passwordEnv, "of the environment")
	for name, tt := range map[string]struct{ file, want string }{
		"the environment's":    {"", "of the environment"},
		"a file's":             {written(t, "key.txt", "s p a c e \r\n"), "s p a c e "},
		"of a file with lines": {written(t, "keys.txt", "one\ntwo\n\n"), "one\ntwo"},
	} {
		if got, err := (&mqttArgs{Password: tt.file}).password(); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := (&mqttArgs{Password: written(t, "empty.txt", "")}).password(); app.ExitCode(err) != app.ExitInput {
		t.Errorf("an empty file: %v", err)
	}
}

// A robotSide is a robot that listens on TCP, line by line.
type robotSide struct {
	t     *testing.T
	l     net.Listener
	conn  net.Conn
	lines *bufio.Scanner
}

func newRobotSide(t *testing.T) *robotSide {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &robotSide{t: t, l: l}
}

func (r *robotSide) addr() string { return r.l.Addr().String() }

// accept waits for the program.
func (r *robotSide) accept() {
	r.t.Helper()
	r.l.(*net.TCPListener).SetDeadline(time.Now().Add(within))
	var err error
	if r.conn, err = r.l.Accept(); err != nil {
		r.t.Fatal(err)
	}
	r.conn.SetDeadline(time.Now().Add(within))
	r.t.Cleanup(func() { r.conn.Close() })
	r.lines = bufio.NewScanner(r.conn)
	r.lines.Buffer(nil, 1<<20)
}

// until reads messages up to one that is as wanted.
func (r *robotSide) until(what string, is func(m *robot.Message) bool) *robot.Message {
	r.t.Helper()
	for r.lines.Scan() {
		var m robot.Message
		if err := json.Unmarshal(r.lines.Bytes(), &m); err != nil {
			r.t.Fatalf("%s: %v", r.lines.Text(), err)
		}
		if is(&m) {
			return &m
		}
	}
	r.t.Fatalf("%s never came: %v", what, r.lines.Err())
	return nil
}

func (r *robotSide) order(line string) {
	r.t.Helper()
	if _, err := r.conn.Write([]byte(line + "\n")); err != nil {
		r.t.Fatal(err)
	}
}

// Phrases and commands of a robot reach the line, and what becomes of them the robot.
func TestLiveTellsARobot(t *testing.T) {
	noDesktop(t)
	b := network(t)
	arm := newRobotSide(t)
	dir := filepath.Join(t.TempDir(), "audit")
	_, _, end := start(t, "pattern://128x96@20", "-p", "red square", "--headless", "--tcp", arm.addr(), "--commands-from-anyone", "--name", "arm",
		"--fov", "60", "--follow", "--lock-score", "0", "--lock-margin", "0", "--confirm", "--valid-for", "10s", "--audit", dir, "--bundle", b.Dir)
	arm.accept()
	proposed := func(phrase string) *robot.Message {
		return arm.until("a proposal", func(m *robot.Message) bool {
			return m.Phrase == phrase && m.Refused != nil && m.Refused.Rule == robot.RuleConfirm
		})
	}
	m := proposed("red square")
	if m.Name != "arm" || m.Bearing == nil || m.Follow == nil || m.Size != [2]int{128, 96} || m.State != "unsure" || m.ValidForMS != 0 {
		t.Errorf("%+v", m)
	}
	confirmed := 0
	m = arm.until("a lock", func(m *robot.Message) bool {
		if m.Refused != nil && m.Refused.Rule == robot.RuleConfirm && m.Track != confirmed { // a proposal may be gone before it is confirmed
			confirmed = m.Track
			arm.order(fmt.Sprintf(`{"command": "confirm %d"}`, m.Track))
		}
		return m.State == "locked"
	})
	if m.ValidForMS <= 0 || m.Captured == nil || m.Boot == "" {
		t.Errorf("%+v", m)
	}
	arm.order(`{"phrase": "the blue circle"}`)
	proposed("the blue circle")
	arm.order(`{"command": "stop"}`)
	arm.until("a stop", func(m *robot.Message) bool { return m.Refused != nil && m.Refused.Rule == robot.RulePhrase })
	arm.order(`{"command": "go on"}`)
	proposed("the blue circle")
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
	arm.until("the last message", func(m *robot.Message) bool { return m.Refused != nil && m.Refused.Rule == robot.RuleEnd })
	pictures, err := filepath.Glob(filepath.Join(dir, "*", "*.jpg"))
	if err != nil || len(pictures) < 2 {
		t.Errorf("%d pictures in the audit log, %v", len(pictures), err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "000001", "audit.jsonl"))
	if err != nil || !strings.Contains(string(lines), `"rule":"end"`) {
		t.Errorf("audit log %.200s, %v", lines, err)
	}
}

func TestOrdersOfARobot(t *testing.T) {
	v := voiceOf(t, "")
	s := &show{orders: v.orders, g: &app.Globals{Log: slog.New(slog.DiscardHandler)}}
	s.orders.confirm = s.confirm
	for _, tt := range []struct {
		o       robot.Order
		phrases string // then looked for
		why     string // it is not done
	}{
		{robot.Order{}, "", "empty"},
		{robot.Order{Phrase: " ; "}, "", "empty"},
		{robot.Order{Phrase: "the cup; the dog"}, "the cup; the dog", ""},
		{robot.Order{Command: robot.Other}, "the cup; the dog", "nothing is shown"},
		{robot.Order{Command: robot.Hold}, "the cup; the dog", ""},
		{robot.Order{Command: robot.GoOn}, "the cup; the dog", ""},
		{robot.Order{Command: robot.Stop}, "", ""},
		{robot.Order{Command: robot.GoOn}, "the cup; the dog", ""},
		{robot.Order{Command: robot.Clear}, "", ""},
		{robot.Order{Command: robot.Confirm}, "", "nothing to confirm"},
		{robot.Order{Phrase: strings.Repeat("very ", 10_000) + "big dog"}, "", "too long"},
	} {
		err := s.order(t.Context(), tt.o)
		if (err == nil) != (tt.why == "") || err != nil && (!strings.Contains(err.Error(), tt.why) || len(err.Error()) > 500) {
			t.Errorf("%.40s: %v, want %q", tt.o.Command+tt.o.Phrase, err, tt.why)
		}
		if got := strings.Join(s.orders.locks.Phrases(), "; "); got != tt.phrases {
			t.Errorf("%.40s: looking for %q, want %q", tt.o.Command+tt.o.Phrase, got, tt.phrases)
		}
	}
	s.robot = robot.NewPublisher(robot.PublisherConfig{})
	if err := s.order(context.Background(), robot.Order{Command: robot.Confirm}); !errors.Is(err, robot.ErrNotProposed) {
		t.Errorf("got %v", err)
	}
}

// A broker that is not there costs a line of the log, and nothing else.
func TestLiveWithoutItsBroker(t *testing.T) {
	noDesktop(t)
	b := network(t)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	page, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := page.Addr().String()
	page.Close()
	arm := newRobotSide(t)
	_, _, end := start(t, "pattern://64x48@20", "-p", "cup", "--headless", "--mqtt", "mqtt://"+gone.Addr().String(), "--tcp", arm.addr(), "--http", addr, "--bundle", b.Dir)
	arm.accept()
	arm.until("message 20", func(m *robot.Message) bool { return m.Seq >= 20 })
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	var failed, sent bool
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		failed = failed || strings.HasPrefix(s.Text(), `deixis_output_frames_total{output="mqtt",result="error"}`) && !strings.HasSuffix(s.Text(), " 0")
		sent = sent || strings.HasPrefix(s.Text(), `deixis_output_frames_total{output="tcp `+arm.addr()+`",result="shown"}`) && !strings.HasSuffix(s.Text(), " 0")
	}
	resp.Body.Close()
	if !failed || !sent {
		t.Errorf("in /metrics the broker fails: %v, the robot is told: %v", failed, sent)
	}
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
}
