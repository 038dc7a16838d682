package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deixis/pipeline/event"
	"deixis/pipeline/robot"
)

var restarts = flag.Int("restarts", 2, "how often TestMosquittoRestarts starts the broker again")

// A mosquitto is the broker of that name, on a port of its own.
type mosquitto struct {
	t    *testing.T
	port string
	conf string
	cmd  *exec.Cmd
}

// newMosquitto starts a broker, or skips the test where there is none.
func newMosquitto(t *testing.T) *mosquitto {
	t.Helper()
	for _, program := range []string{"mosquitto", "mosquitto_sub", "mosquitto_pub"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no mosquitto on this machine (install mosquitto and mosquitto-clients to test against it)")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	l.Close()
	if err != nil {
		t.Fatal(err)
	}
	m := &mosquitto{t: t, port: port}
	m.conf = written(t, "mosquitto.conf", fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence false\n", port))
	m.start()
	t.Cleanup(m.kill)
	return m
}

// start starts the broker and waits until it takes connections.
func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = exec.Command("mosquitto", "-c", m.conf)
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	for over := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+m.port)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(over) {
			m.t.Fatal(err)
		}
	}
}

func (m *mosquitto) kill() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}

// An arrived message is one that mosquitto_sub wrote.
type arrived struct{ topic, payload string }

// listen subscribes to all of the sender's topics until the test ends.
func (m *mosquitto) listen() <-chan arrived {
	m.t.Helper()
	cmd := exec.Command("mosquitto_sub", "-V", "5", "-p", m.port, "-t", "deixis/arm/#", "-F", "%t %p")
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	got := make(chan arrived, 10_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			topic, payload, _ := strings.Cut(lines.Text(), " ")
			got <- arrived{topic, payload}
		}
	}()
	m.t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		cmd.Wait()
	})
	return got
}

// retained waits until what the broker keeps on a topic has part in it, or is nothing
// for "".
func (m *mosquitto) retained(topic, part string) {
	m.t.Helper()
	wait := "1" // second for the broker to send it in
	if part == "" {
		wait = "5"
	}
	for over := time.Now().Add(within); ; {
		cmd := exec.CommandContext(m.t.Context(), "mosquitto_sub", "-V", "5", "-p", m.port, "-t", "deixis/arm/"+topic, "--retained-only", "-C", "1", "-W", wait)
		out, err := cmd.Output()
		const nothing = 27 // is its exit code when nothing came in time
		kept := strings.TrimSpace(string(out))
		if part == "" && cmd.ProcessState.ExitCode() == nothing || part != "" && err == nil && strings.Contains(kept, part) {
			return
		}
		if time.Now().After(over) {
			m.t.Fatalf("the broker keeps %q on %s, want %q", kept, topic, part)
		}
	}
}

func (m *mosquitto) publish(topic, payload string) {
	m.t.Helper()
	if out, err := exec.CommandContext(m.t.Context(), "mosquitto_pub", "-V", "5", "-p", m.port, "-t", "deixis/arm/"+topic, "-m", payload, "-q", "1").CombinedOutput(); err != nil {
		m.t.Fatalf("mosquitto_pub: %v: %s", err, out)
	}
}

// next waits for a message on a topic that is as wanted.
func next(t *testing.T, from <-chan arrived, topic, what string, is func(payload string) bool) {
	t.Helper()
	for over := time.After(within); ; {
		select {
		case h := <-from:
			if h.topic == "deixis/arm/"+topic && is(h.payload) {
				return
			}
		case <-over:
			t.Fatalf("%s never came on %s", what, topic)
		}
	}
}

// contains are payloads with all parts in them.
func contains(parts ...string) func(string) bool {
	return func(payload string) bool {
		for _, p := range parts {
			if !strings.Contains(payload, p) {
				return false
			}
		}
		return true
	}
}

// program starts this program as a process of its own. Its standard output is handed
// to out line by line, where that is not nil.
func program(t *testing.T, out func(line []byte), args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"live"}, args...)...)
	cmd.Env = append(os.Environ(), "DEIXIS_AS_PROGRAM=1")
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(pipe)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if out != nil {
				out(lines.Bytes())
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		cmd.Wait()
	})
	return cmd
}

// A phrase over a broker changes what a running program looks for; when the program is
// killed, the broker says so and forgets its target.
func TestMosquitto(t *testing.T) {
	noDesktop(t)
	b := network(t)
	m := newMosquitto(t)
	got := m.listen()
	cmd := program(t, nil, "pattern://128x96@20", "-p", "red square", "--headless", "--mqtt", "mqtt://127.0.0.1:"+m.port, "--name", "arm", "--commands-from-anyone",
		"--lock-score", "0", "--lock-margin", "0", "--valid-for", "10s", "--bundle", b.Dir, "--log-level", "error")
	next(t, got, "availability", "online", contains("online"))
	next(t, got, "target", "a lock", contains(`"phrase":"red square"`, `"state":"locked"`))
	m.publish("phrase/set", "the blue circle")
	next(t, got, "events", "the end of the first", contains(`"type":"end"`, `"phrase":"red square"`))
	next(t, got, "target", "a lock on the second", contains(`"phrase":"the blue circle"`, `"state":"locked"`))
	m.publish("command", "stop")
	next(t, got, "target", "a stop", contains(`"rule":"phrase"`))
	m.publish("command", "go on")
	next(t, got, "events", "the second again", contains(`"type":"new"`, `"phrase":"the blue circle"`))
	m.retained("target", `"phrase":"the blue circle"`)
	m.retained("availability", "online")
	cmd.Process.Kill() // SIGKILL
	next(t, got, "availability", "the will", contains("offline"))
	m.retained("target", "") // of a sender that is dead
	m.retained("availability", "offline")
}

// shown are the times of the frames in a file of events.
func shown(t *testing.T, file string) (times []time.Time) {
	t.Helper()
	lines, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		var e event.Event
		if json.Unmarshal(line, &e) != nil {
			continue // not whole yet
		}
		if at, err := time.Parse(time.RFC3339Nano, e.T); err == nil {
			times = append(times, at)
		}
	}
	return times
}

// flood sends a broker as much as it takes, until ctx ends, whether it is there or not.
func (m *mosquitto) flood(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			exec.CommandContext(ctx, "mosquitto_pub", "-p", m.port, "-t", "load", "-m", strings.Repeat("x", 1000), "--repeat", "100000").Run()
		}
	}()
	return done
}

// A broker that is killed and started again under load is found again each time; the
// line beside it keeps its rate.
func TestMosquittoRestarts(t *testing.T) {
	noDesktop(t)
	b := network(t)
	m := newMosquitto(t)
	args := []string{"pattern://160x120@20", "-p", "red square", "--headless", "--lock-score", "0", "--lock-margin", "0", "--valid-for", "10s", "--bundle", b.Dir, "--log-level", "error"}
	dir := t.TempDir()
	files := map[string]string{"with": filepath.Join(dir, "with.jsonl"), "without": filepath.Join(dir, "without.jsonl")}
	with := program(t, nil, append(args, "--mqtt", "mqtt://127.0.0.1:"+m.port, "--name", "arm", "--events", files["with"])...)
	without := program(t, nil, append(args, "--events", files["without"])...)
	ctx, stop := context.WithCancel(t.Context())
	flooded := m.flood(ctx)
	started := 0
	for range *restarts + 1 {
		got := m.listen()
		next(t, got, "availability", "online", contains("online"))
		var seq uint64
		next(t, got, "target", "a lock", func(payload string) bool {
			var msg robot.Message
			if err := json.Unmarshal([]byte(payload), &msg); err != nil || msg.Seq <= seq {
				t.Errorf("after message %d: %s, %v", seq, payload, err)
			}
			seq = msg.Seq
			return msg.State == "locked"
		})
		started++
		m.kill()
		m.start()
	}
	stop()
	<-flooded
	fps := rates(t, files, map[string]*exec.Cmd{"with": with, "without": without})
	t.Logf("%d restarts of the broker under load; frames a second with it %.2f, without it %.2f, ratio %.3f", started, fps["with"], fps["without"], fps["with"]/fps["without"])
	if fps["with"] < fps["without"]/2 {
		t.Errorf("the broker holds up the line: %.1f frames a second, %.1f without it", fps["with"], fps["without"])
	}
}
