package opencv

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"deixis/camera"
)

// server starts an ffmpeg that serves one reader at addr until it is killed.
func server(t *testing.T, ffmpeg, addr string) *exec.Cmd {
	t.Helper()
	c := exec.Command(ffmpeg, "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=30",
		"-c:v", "mjpeg", "-f", "mpjpeg", "-listen", "1", "http://"+addr+"/feed")
	c.Stderr = io.Discard
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// resident is the memory that the process holds, bytes; 0 where it cannot be read.
func resident() int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	fmt.Sscan(string(raw), &size, &pages)
	return pages * int64(os.Getpagesize())
}

// TestStreamRestartedTenTimes kills the server of a stream ten times and starts
// it again: each time the frames come back, and nothing is left behind. It
// takes some seconds, because ffmpeg does to start.
func TestStreamRestartedTenTimes(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine (install it to test streams that come back)")
	}
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	on := server(t, ffmpeg, addr)
	defer func() { on.Process.Kill(); on.Wait() }()
	ref, err := camera.Parse("http://" + addr + "/feed")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	o := Options{Reconnect: true, Pause: 50 * time.Millisecond, ReadTimeout: 15 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}
	s, err := Open(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var f camera.Frame
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	read := func(n int) {
		t.Helper()
		for range n {
			if err := s.Next(ctx, &f); err != nil {
				t.Fatalf("after frame %d: %v\n%s", f.Seq, err, &log)
			}
		}
	}
	read(3)
	back := func() int { return strings.Count(log.String(), "source is back") }
	began := back() // 1 where ffmpeg did not listen yet
	var memory int64
	var goroutines int
	for turn := range 10 {
		on.Process.Kill()
		on.Wait()
		on = server(t, ffmpeg, addr)
		before := f.Seq
		for back()-began <= turn {
			read(1)
		}
		read(3)
		if f.Seq <= before || f.Width != 320 {
			t.Errorf("turn %d: frame %d of %d pixels", turn, f.Seq, f.Width)
		}
		if turn == 2 { // by now everything that is kept is there
			memory, goroutines = resident(), runtime.NumGoroutine()
		}
	}
	if n := back() - began; n != 10 {
		t.Errorf("came back %d times\n%s", n, &log)
	}
	for over := time.Now().Add(time.Minute); runtime.NumGoroutine() > goroutines; time.Sleep(10 * time.Millisecond) { // those of a reader that is gone end soon
		if time.Now().After(over) {
			t.Errorf("%d goroutines after 3 turns, %d after 10", goroutines, runtime.NumGoroutine())
			break
		}
	}
	if grown := resident() - memory; grown > 24<<20 {
		t.Errorf("%d MiB more after 7 turns", grown>>20)
	}
}
