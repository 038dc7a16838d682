package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deixis/pipeline/robot"
)

var faults = flag.Duration("faults", 0, "how long TestRobotFaults lasts with each fault, such as 20s")

// smallDisk is a file system of half a megabyte, or skips the test where nothing may be mounted.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skip("a small disk cannot be mounted: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A toll is what came to the robot with one fault.
type toll struct {
	messages     int
	ages         []time.Duration // of the pictures of locked targets, when the message came
	first, last  time.Time
	longestPause time.Duration
}

// take reads messages until long has passed since the first.
func (r *toll) take(t *testing.T, lines *bufio.Scanner, long time.Duration) {
	t.Helper()
	for r.last.Sub(r.first) < long || r.messages == 0 {
		if !lines.Scan() {
			t.Fatalf("the messages end: %v", lines.Err())
		}
		now := time.Now()
		var m robot.Message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if r.messages == 0 {
			r.first = now
		} else {
			r.longestPause = max(r.longestPause, now.Sub(r.last))
		}
		r.messages, r.last = r.messages+1, now
		if m.State == "locked" {
			at, err := time.Parse(time.RFC3339Nano, *m.Captured)
			if err != nil {
				t.Fatal(err)
			}
			r.ages = append(r.ages, now.Sub(at))
		}
	}
	slices.Sort(r.ages)
}

func (r *toll) age(share float64) float64 {
	return float64(r.ages[int(share*float64(len(r.ages)-1))]) / float64(time.Millisecond)
}

func (r *toll) rate() float64 { return float64(r.messages-1) / r.last.Sub(r.first).Seconds() }

// deaf opens streams of the page and never reads them.
func deaf(t *testing.T, addr string) {
	t.Helper()
	for _, path := range []string{"/api/stream.mjpeg", "/api/stream.mjpeg", "/api/events", "/api/events"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		err = conn.(*net.TCPConn).SetReadBuffer(1)
		if _, e := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, addr); err != nil || e != nil {
			t.Fatal(errors.Join(err, e))
		}
	}
}

// freeAddr is an address on which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRobotFaults shows the rate and age of target messages with each fault of what
// runs beside them: go test ./cmd/deixis -run TestRobotFaults -faults 20s -v
func TestRobotFaults(t *testing.T) {
	if *faults == 0 {
		t.Skip("it takes long (-faults 20s)")
	}
	noDesktop(t)
	b := network(t)
	disk := smallDisk(t)
	of := func(names ...string) (args []string) {
		all := map[string][]string{
			"record": {"--record", filepath.Join(disk, "a.mp4")}, "events": {"--events", filepath.Join(disk, "e.jsonl")}, "audit": {"--audit", filepath.Join(disk, "audit")},
			"broker": {"--mqtt", "mqtt://" + freeAddr(t)},
		}
		for _, name := range names {
			args = append(args, all[name]...)
		}
		return args
	}
	table := []string{fmt.Sprintf("%-32s %9s %9s %9s %9s", "fault", "msg/s", "age p50", "age p95", "pause ms")}
	var bare, worst float64
	for i, fault := range []struct {
		name string
		args []string
		deaf bool
	}{
		{"none", nil, false},
		{"full disk under --record", of("record"), false},
		{"full disk under --events", of("events"), false},
		{"full disk under --audit", of("audit"), false},
		{"dead broker", of("broker"), false},
		{"pages that never read", nil, true},
		{"all of them", of("record", "events", "audit", "broker"), true},
		{"none, again", nil, false},
	} {
		r := withFault(t, b.Dir, disk, fault.args, fault.deaf)
		table = append(table, fmt.Sprintf("%-32s %9.2f %9.1f %9.1f %9.0f", fault.name, r.rate(), r.age(0.5), r.age(0.95), float64(r.longestPause.Milliseconds())))
		if i == 0 {
			bare, worst = r.rate(), r.rate()
		}
		worst = min(worst, r.rate())
	}
	t.Logf("%v each\n%s", *faults, strings.Join(table, "\n"))
	if worst < bare/2 {
		t.Errorf("a fault halves the rate: %.1f messages a second, %.1f without any", worst, bare)
	}
}

// withFault runs the program with a fault and is what came to the robot.
func withFault(t *testing.T, bundle, disk string, args []string, noReader bool) *toll {
	t.Helper()
	for _, name := range []string{"a.mp4", "a.part.mp4", "e.jsonl", "audit", "filled"} {
		if err := os.RemoveAll(filepath.Join(disk, name)); err != nil {
			t.Fatal(err)
		}
	}
	arm, page := newRobotSide(t), freeAddr(t)
	cmd := program(t, nil, append([]string{"pattern://320x240@20", "-p", "red square", "--headless", "--tcp", arm.addr(), "--commands-from-anyone", "--http", page,
		"--lock-score", "0", "--lock-margin", "0", "--bundle", bundle, "--log-level", "error"}, args...)...)
	arm.accept()
	arm.conn.SetDeadline(time.Now().Add(within + *faults))
	arm.until("a lock", func(m *robot.Message) bool { return m.State == "locked" })
	fill(t, disk)
	if noReader {
		deaf(t, page)
	}
	over := make(chan struct{})
	told := make(chan struct{})
	go func() { // states change all the time, which an audit log must keep
		defer close(told)
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			case <-time.After(300 * time.Millisecond):
				fmt.Fprintf(arm.conn, "{\"phrase\": %q}\n", []string{"the blue circle", "the red square"}[n%2])
			}
		}
	}()
	var r toll
	r.take(t, arm.lines, *faults)
	close(over)
	<-told
	arm.conn.Close()
	cmd.Process.Kill()
	cmd.Wait()
	return &r
}

// fill leaves no room on a disk.
func fill(t *testing.T, disk string) {
	t.Helper()
	f, err := os.Create(filepath.Join(disk, "filled"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 4096; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
