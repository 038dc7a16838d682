//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceRun is the program as a service manager starts it.
type serviceRun struct {
	t     *testing.T
	conn  *net.UnixConn
	cmd   *exec.Cmd
	typed io.Writer
}

// startService starts live with a socket for its messages and a state folder, and waits
// until it is ready.
func startService(t *testing.T, bundle, state string) *serviceRun {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be longer than a socket's name can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &serviceRun{t: t, conn: conn}
	s.cmd = exec.CommandContext(t.Context(), os.Args[0], "live", "--source", "pattern://160x120@25", "-p", "red square", "--headless", "--bundle", bundle, "--log-level", "error")
	s.cmd.Env = append(os.Environ(), "DEIXIS_AS_PROGRAM=1", "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=2000000", "WATCHDOG_PID=", "STATE_DIRECTORY="+state)
	s.cmd.Stderr = t.Output()
	if s.typed, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.until("READY=1", "")
	return s
}

// until reads messages until one has line and a status that holds says.
func (s *serviceRun) until(line, says string) {
	s.t.Helper()
	buf := make([]byte, 64<<10)
	s.conn.SetReadDeadline(time.Now().Add(within))
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			s.t.Fatal(err)
		}
		lines := strings.Split(string(buf[:n]), "\n")
		if slices.Contains(lines, line) && strings.Contains(lines[len(lines)-1], says) {
			return
		}
	}
}

func (s *serviceRun) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.until("STOPPING=1", "")
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

// TestService: the service manager hears that the program is ready, alive and stopping,
// and what it is asked survives its restart.
func TestService(t *testing.T) {
	noDesktop(t)
	b := network(t)
	state := t.TempDir()
	s := startService(t, b.Dir, state)
	s.until("WATCHDOG=1", "looks for red square")
	if _, err := io.WriteString(s.typed, "blue circle\n"); err != nil {
		t.Fatal(err)
	}
	s.until("WATCHDOG=1", "looks for blue circle")
	s.stop()
	s = startService(t, b.Dir, state)
	s.until("WATCHDOG=1", "looks for blue circle")
	s.stop()
}
