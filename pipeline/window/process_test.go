//go:build linux

package window

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"deixis/camera"
)

// desktopOf starts an X server without a screen of its own, and makes it this test's desktop.
func desktopOf(t *testing.T) *exec.Cmd {
	t.Helper()
	xvfb, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Skip("no Xvfb on this machine (install it to test a desktop that goes away)")
	}
	number, told, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer number.Close()
	x := exec.Command(xvfb, "-displayfd", "3", "-screen", "0", "640x480x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{told}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	told.Close()
	t.Cleanup(func() { x.Process.Kill(); x.Wait() })
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		t.Skipf("Xvfb does not start here: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(line))
	t.Setenv("WAYLAND_DISPLAY", "")
	return x
}

func frameOf(width, height int) *camera.Frame {
	f := new(camera.Frame)
	f.Resize(width, height)
	return f
}

func TestDesktopThatGoesAway(t *testing.T) {
	x := desktopOf(t)
	var why []error
	w, err := Open("deixis", Options{Gone: func(err error) { why = append(why, err) }})
	if err != nil {
		t.Fatal(err)
	}
	f := frameOf(64, 48)
	for n := range 5 {
		if err := w.Show(t.Context(), f, nil); err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
	}
	if len(why) > 0 {
		t.Fatalf("gone before the desktop: %v", why)
	}
	x.Process.Kill()
	for len(why) == 0 {
		if err := w.Show(t.Context(), f, nil); err != nil {
			t.Fatalf("a desktop that is gone ends the line: %v", err)
		}
	}
	for range 5 {
		if err := errors.Join(w.Show(t.Context(), f, nil), w.Idle()); err != nil {
			t.Fatal(err)
		}
	}
	if len(why) != 1 || !errors.Is(why[0], errGone) || strings.Contains(why[0].Error(), "\n") {
		t.Errorf("told %q, want one line once", why)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestWindowOfAChild presses a key and closes the window, as a window manager does.
func TestWindowOfAChild(t *testing.T) {
	desktopOf(t)
	tool, err := exec.LookPath("xdotool")
	if err != nil {
		t.Skip("no xdotool on this machine (install it to press keys)")
	}
	w, err := Open("deixis", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, ok := w.on.(*process); !ok {
		t.Fatalf("the window is held by a %T, not by a child", w.on)
	}
	f := frameOf(64, 48)
	if err := w.Show(t.Context(), f, nil); err != nil {
		t.Fatal(err)
	}
	press := func(keys ...string) {
		args := append([]string{"search", "--sync", "--onlyvisible", "--name", "^deixis$", "windowfocus", "--sync", "key"}, keys...)
		if said, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Fatalf("xdotool: %v\n%s", err, said)
		}
	}
	press("h")
	for !w.heat { // ends with the test's own limit
		if err := w.Show(t.Context(), f, nil); err != nil {
			t.Fatal(err)
		}
	}
	press("q")
	for err == nil {
		err = w.Show(t.Context(), f, nil)
	}
	if err != io.EOF {
		t.Errorf("q: %v, want io.EOF", err)
	}
}
