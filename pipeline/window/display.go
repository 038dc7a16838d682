package window

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Available says whether a window can be opened. Where there is no desktop the
// window library would end the whole program, so this looks first. Its error is
// ErrNoDisplay.
func Available() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	return available(os.Getenv)
}

func available(env func(string) string) error {
	x, wayland := env("DISPLAY"), env("WAYLAND_DISPLAY")
	switch {
	case env("QT_QPA_PLATFORM") == "offscreen":
		return nil
	case x == "" && wayland == "":
		return fmt.Errorf("open window: neither DISPLAY nor WAYLAND_DISPLAY is set (use --http 127.0.0.1:7420 for a page instead): %w", ErrNoDisplay)
	case wayland != "" && answers("unix", waylandSocket(wayland, env("XDG_RUNTIME_DIR"))):
		return nil
	case x != "" && answersX(x):
		return nil
	}
	return fmt.Errorf("open window: nobody answers at DISPLAY=%q (use --http 127.0.0.1:7420 for a page instead): %w", x+wayland, ErrNoDisplay)
}

func waylandSocket(name, dir string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// answersX tries the server that DISPLAY names: HOST:NUMBER.SCREEN, where no
// host means this machine.
func answersX(display string) bool {
	i := strings.LastIndex(display, ":")
	if i < 0 {
		return false
	}
	number, _, _ := strings.Cut(display[i+1:], ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return false
	}
	socket := "/tmp/.X11-unix/X" + number
	switch host := display[:i]; {
	case host == "" || host == "unix":
		return answers("unix", socket) || answers("unix", "@"+socket)
	case strings.HasPrefix(host, "/"):
		return true // a socket of macOS's own kind
	default:
		return answers("tcp", net.JoinHostPort(host, strconv.Itoa(6000+n)))
	}
}

func answers(network, address string) bool {
	c, err := net.DialTimeout(network, address, 2*time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
