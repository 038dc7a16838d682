//go:build unix

package opencv

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deixis/camera"
)

// filmed opens a film of 12 frames, whose blue grows by 20 a frame, in a child.
func filmed(t *testing.T, o Options) (*Capture, *restarting, *strings.Builder) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.avi")
	film(t, path, "MJPG", 64, 48, 12)
	var log strings.Builder
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	c, err := OpenCapture(t.Context(), camera.Ref{Kind: camera.File, URI: path, Path: path}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	r, ok := c.s.h.(*restarting)
	if !ok {
		t.Fatalf("the file is read by a %T, not by a child", c.s.h)
	}
	return c, r, &log
}

// every reads c to its end and checks that each of its 12 frames comes once, in
// order; before is called ahead of each.
func every(t *testing.T, c *Capture, before func(n int)) {
	t.Helper()
	var kept []*camera.Frame
	for n := range 12 {
		before(n)
		f := &camera.Frame{}
		if err := c.Next(t.Context(), f); err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		kept = append(kept, f)
	}
	if err := c.Next(t.Context(), &camera.Frame{}); err != io.EOF {
		t.Errorf("after the last: %v, want io.EOF", err)
	}
	for n, f := range kept { // none is a view of the ring, which has fewer slots
		if blue := int(f.Pix[0]); abs(blue-20*n) > 6 || f.Seq != uint64(n+1) {
			t.Errorf("frame %d: blue is %d, seq %d", n, blue, f.Seq)
		}
	}
}

func TestCrashCostsNoFrame(t *testing.T) {
	c, r, log := filmed(t, Options{})
	every(t, c, func(n int) {
		if n == 0 || n == 5 {
			syscall.Kill(r.remote.p.PID(), syscall.SIGSEGV)
		}
	})
	if r.crashes < 1 || !strings.Contains(log.String(), "killed by SIGSEGV") || strings.Contains(log.String(), "could not be decoded") {
		t.Errorf("%d crashes, log:\n%s", r.crashes, log)
	}
}

func TestHangingReaderIsStartedAgain(t *testing.T) {
	c, r, log := filmed(t, Options{NoFrame: 2 * time.Second})
	every(t, c, func(n int) {
		if n == 0 {
			syscall.Kill(r.remote.p.PID(), syscall.SIGSTOP)
		}
	})
	if !strings.Contains(log.String(), "no frame for 2s") {
		t.Errorf("log:\n%s", log)
	}
}

func TestReaderThatKeepsCrashing(t *testing.T) {
	_, r, _ := filmed(t, Options{})
	var err error
	for n := 0; err == nil; n++ {
		if n > len(jumps) {
			t.Fatal("it is started again without end")
		}
		err = r.restart(3, "killed by SIGSEGV")
	}
	if !errors.Is(err, camera.ErrNoPicture) || !strings.Contains(err.Error(), "frame 4 (killed by SIGSEGV)") {
		t.Errorf("%v", err)
	}
}

func TestFramesLargerThanTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.avi")
	film(t, path, "MJPG", 64, 48, 12)
	ref := camera.Ref{Kind: camera.File, URI: path, Path: path}
	s, err := Open(t.Context(), ref, Options{MaxPixels: 64*48 - 1})
	if s != nil || !errors.Is(err, camera.ErrNoPicture) || !strings.Contains(err.Error(), "64x48") {
		t.Errorf("a frame of 64x48 within %d pixels: %v", 64*48-1, err)
	}
}
