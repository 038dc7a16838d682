//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestOnTalk(t *testing.T) {
	talked := make(chan bool, 9)
	stop := onTalk(func() { talked <- true })
	for range 2 {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		select {
		case <-talked:
		case <-time.After(time.Minute):
			t.Fatal("a signal does nothing")
		}
	}
	stop()
}

// TestSignalsFinishFiles: a closed terminal, Ctrl-\\ and the like leave a whole video.
func TestSignalsFinishFiles(t *testing.T) {
	b := network(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if signal.Ignored(sig) { // as nohup ignores a hang-up: then the program does, too
			continue
		}
		video := filepath.Join(t.TempDir(), "a.mp4")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "live", "pattern://64x48@20", "-p", "cup", "--headless", "--events", "-", "--record", video, "--bundle", b.Dir, "--log-level", "error")
		cmd.Env = append(os.Environ(), "DEIXIS_AS_PROGRAM=1")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		events := bufio.NewScanner(out)
		for left := 20; left > 0; { // frames after the encoder's first
			if !events.Scan() {
				t.Fatalf("%v: no events", sig)
			}
			if recorded(video) {
				left--
			}
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		for events.Scan() {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
		if n, _ := countFrames(t, video); n < 5 {
			t.Errorf("%v: the recording holds %d frames", sig, n)
		}
	}
}
