package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"deixis/pipeline/natsconn/natstest"
	"deixis/pipeline/robot"
)

// plainServer starts a server without JetStream; port -1 takes a free one.
func plainServer(t *testing.T, port int) *server.Server {
	t.Helper()
	return natstest.Start(t, &server.Options{Port: port, MaxPending: 1 << 20})
}

// natsPeer is another client, and the targets that it hears of.
func natsPeer(t *testing.T, s *server.Server) (*nats.Conn, chan *nats.Msg) {
	t.Helper()
	conn, err := nats.Connect(s.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.Timeout(within))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	got := make(chan *nats.Msg, 10_000)
	if _, err := conn.ChanSubscribe("deixis.arm.target", got); err != nil {
		t.Fatal(err)
	}
	if err := conn.FlushTimeout(within); err != nil {
		t.Fatal(err)
	}
	return conn, got
}

// natsTarget waits for a target that is as wanted.
func natsTarget(t *testing.T, got chan *nats.Msg, is func(*robot.Message) bool) {
	t.Helper()
	for over := time.After(within); ; {
		select {
		case m := <-got:
			var target robot.Message
			if err := json.Unmarshal(m.Data, &target); err != nil {
				t.Fatal(err)
			}
			if is(&target) {
				return
			}
		case <-over:
			t.Fatal("the target never came")
		}
	}
}

// A phrase over NATS is answered with what was understood and the first target.
func TestNATS(t *testing.T) {
	noDesktop(t)
	b := network(t)
	s := plainServer(t, -1)
	conn, got := natsPeer(t, s)
	_, out, end := start(t, "pattern://128x96@20", "-p", "red square", "--headless", "--nats", s.ClientURL(), "--name", "arm", "--commands-from-anyone",
		"--valid-for", "10s", "--lock-score", "0", "--lock-margin", "0", "--bundle", b.Dir)
	go func() {
		for out.Scan() {
		}
	}()
	natsTarget(t, got, func(m *robot.Message) bool { return m.Phrase == "red square" && m.State == "locked" })
	ask := func(subject, payload string) (r robot.Reply) {
		m, err := conn.Request("deixis.arm."+subject, []byte(payload), within)
		if err == nil {
			err = json.Unmarshal(m.Data, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	phrase := "the fifth blue pantograph, not " + strings.Repeat("x", 300)
	r := ask("phrase.set", phrase)
	for over := time.Now().Add(within); string(r.Target) == "null" && time.Now().Before(over); {
		r = ask("phrase.set", phrase) // a busy machine may need longer than an answer waits
	}
	var target robot.Message
	if err := json.Unmarshal(r.Target, &target); err != nil || target.Phrase != phrase || target.State == "searching" {
		t.Errorf("%s, %v", r.Target, err)
	}
	if len(r.Phrases) != 1 {
		t.Fatalf("%+v", r)
	}
	p := r.Phrases[0]
	if !r.OK || p.Tokens < 8 || p.Room != b.Limits.MaxTokens-2 || len(p.Pieces) != 1 || p.Pieces[0] != "pantograph" || len(p.Unknown) != 1 || len(p.Notes) != 2 {
		t.Errorf("%+v", p)
	}
	if r := ask("phrase.set", strings.Repeat("cup ", 10_000)); r.OK || !strings.Contains(r.Error, "fit") {
		t.Errorf("%+v", r)
	}
	if r := ask("command", "stop"); !r.OK {
		t.Errorf("%+v", r)
	}
	natsTarget(t, got, func(m *robot.Message) bool { return m.Refused != nil && m.Refused.Rule == robot.RulePhrase })
	end()
	natsTarget(t, got, func(m *robot.Message) bool { return m.Refused != nil && m.Refused.Rule == robot.RuleEnd })
}

// A server that is killed and started again is found again each time, and neither that
// nor a subscriber that never reads changes the rate of the line.
func TestNATSRestarts(t *testing.T) {
	noDesktop(t)
	b := network(t)
	s := plainServer(t, -1)
	port := s.Addr().(*net.TCPAddr).Port
	args := []string{"pattern://160x120@20", "-p", "red square", "--headless", "--valid-for", "10s", "--lock-score", "0", "--lock-margin", "0", "--bundle", b.Dir, "--log-level", "error"}
	dir := t.TempDir()
	files := map[string]string{"with": filepath.Join(dir, "with.jsonl"), "without": filepath.Join(dir, "without.jsonl")}
	with := program(t, nil, append(args, "--nats", s.ClientURL(), "--name", "arm", "--events", files["with"])...)
	without := program(t, nil, append(args, "--events", files["without"])...)
	var seq uint64
	for range *restarts + 1 {
		_, first := natsPeer(t, s)
		_, second := natsPeer(t, s)
		slow := deafSubscriber(t, s)
		newest := seq
		for _, got := range []chan *nats.Msg{first, second} {
			last := uint64(0)
			natsTarget(t, got, func(m *robot.Message) bool {
				if m.Seq <= last {
					t.Errorf("message %d after %d", m.Seq, last)
				}
				last = m.Seq
				return m.State == "locked"
			})
			if last <= seq {
				t.Errorf("message %d came before, and %d now", seq, last)
			}
			newest = max(newest, last)
		}
		seq = newest
		natstest.Stop(s)
		slow.Close()
		s = plainServer(t, port)
	}
	fps := rates(t, files, map[string]*exec.Cmd{"with": with, "without": without})
	t.Logf("%d restarts of the server, three subscribers of which one never reads; frames a second with it %.2f, without it %.2f, ratio %.3f", *restarts+1, fps["with"], fps["without"], fps["with"]/fps["without"])
	if fps["with"] < fps["without"]/2 {
		t.Errorf("the server holds up the line: %.1f frames a second, %.1f without it", fps["with"], fps["without"])
	}
}

// deafSubscriber subscribes to all, and never reads again.
func deafSubscriber(t *testing.T, s *server.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err == nil {
		err = conn.(*net.TCPConn).SetReadBuffer(1)
	}
	if err == nil {
		_, err = fmt.Fprintf(conn, "CONNECT {}\r\nSUB deixis.> 1\r\nPING\r\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "PONG"; {
	}
	return conn
}

// leastFrames is how many frames make a rate.
const leastFrames = 100

// rates waits until each program has shown enough frames while all run, ends them and is
// how many each showed a second in that time: what else the machine did fell on all.
func rates(t *testing.T, files map[string]string, programs map[string]*exec.Cmd) map[string]float64 {
	t.Helper()
	var from time.Time
	counts := func(to time.Time) map[string]int {
		times := map[string][]time.Time{}
		from = time.Time{}
		for name, file := range files {
			all := shown(t, file)
			if len(all) == 0 {
				return nil
			}
			if times[name] = all; all[0].After(from) {
				from = all[0]
			}
		}
		n := map[string]int{}
		for name, all := range times {
			for _, at := range all {
				if !at.Before(from) && !at.After(to) {
					n[name]++
				}
			}
		}
		return n
	}
	enough := func(n map[string]int) bool {
		for name := range files {
			if n[name] < leastFrames {
				return false
			}
		}
		return true
	}
	for over := time.Now().Add(within); !enough(counts(time.Now())); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("frames shown: %v, want at least %d", counts(over), leastFrames)
		}
	}
	to := time.Now()
	for _, cmd := range programs {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
	fps := map[string]float64{}
	for name, n := range counts(to) {
		fps[name] = float64(n) / to.Sub(from).Seconds()
	}
	return fps
}
