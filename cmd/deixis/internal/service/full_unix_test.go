//go:build unix

package service

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A manager that does not read fills its socket; whoever tells it goes on.
func TestFull(t *testing.T) {
	f := manager(t)
	m := Find(slog.New(slog.DiscardHandler))
	m.limit = time.Millisecond
	conn, err := net.DialUnix("unixgram", nil, f.conn.LocalAddr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var full error
	if err := raw.Control(func(fd uintptr) {
		for full == nil {
			_, full = unix.Write(int(fd), []byte("filler"))
		}
	}); err != nil || !errors.Is(full, unix.EAGAIN) && !errors.Is(full, unix.ENOBUFS) {
		t.Fatalf("fill the socket: %v, %v", err, full)
	}
	m.Stopping() // the socket takes nothing before somebody reads
	for f.next()[0] != "STOPPING=1" {
	}
}
