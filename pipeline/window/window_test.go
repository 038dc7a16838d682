package window

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTyping(t *testing.T) {
	for name, tt := range map[string]struct {
		keys string
		last action
		text string
		on   bool
	}{
		"q quits":              {"q", quit, "", false},
		"escape quits":         {"\x1b", quit, "", false},
		"letters begin a line": {"cup", nothing, "cup", true},
		"q within a line":      {"a q", nothing, "a q", true},
		"q first":              {"/queen", nothing, "queen", true},
		"enter first":          {"\rqueue", nothing, "queue", true},
		"enter ends":           {"cup\r", submit, "cup", true},
		"enter on nothing":     {"/\r", nothing, "", false},
		"escape gives up":      {"cup\x1b", nothing, "", false},
		"escape twice quits":   {"cup\x1b\x1b", quit, "", false},
		"backspace":            {"cut\x08p", nothing, "cup", true},
		"backspace on nothing": {"/\x7f\x7f", nothing, "", true},
		"latin letters":        {"t\xfcr", nothing, "tür", true},
		"control signs":        {"\x01\x02", nothing, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var line typing
			var last action
			for i := range len(tt.keys) {
				last = line.press(int(tt.keys[i]))
			}
			if last != tt.last || line.text() != tt.text || line.on != tt.on {
				t.Errorf("%q: action %d, text %q, on %v", tt.keys, last, line.text(), line.on)
			}
		})
	}
}

func TestTypingKeysyms(t *testing.T) {
	for name, tt := range map[string]struct {
		codes []int
		last  action
		text  string
		on    bool
	}{
		"shift, control, alt":    {[]int{0xffe1, 0xffe3, 0xffe9}, nothing, "", false},
		"arrows, home, F1":       {[]int{0xff51, 0xff52, 0xff53, 0xff54, 0xff50, 0xffbe}, nothing, "", false},
		"AltGr":                  {[]int{0xfe03}, nothing, "", false},
		"shift within a line":    {[]int{'a', 0xffe1, 0x10000 | 'B'}, nothing, "aB", true},
		"enter":                  {[]int{'a', 0xff0d}, submit, "a", true},
		"enter of the keypad":    {[]int{'a', 0xff8d}, submit, "a", true},
		"tab begins a line":      {[]int{0xff09, 'q'}, nothing, "q", true},
		"escape":                 {[]int{'a', 0xff1b}, nothing, "", false},
		"escape quits":           {[]int{0xff1b}, quit, "", false},
		"backspace and delete":   {[]int{'a', 'b', 'c', 0xff08, 0xffff}, nothing, "a", true},
		"other keys held":        {[]int{0x100000 | 'q'}, quit, "", false},
		"a letter above Latin-1": {[]int{0x01b1}, nothing, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var line typing
			var last action
			for _, code := range tt.codes {
				last = line.press(code)
			}
			if last != tt.last || line.text() != tt.text || line.on != tt.on {
				t.Errorf("action %d, text %q, on %v", last, line.text(), line.on)
			}
		})
	}
}

func TestTypingIsRefused(t *testing.T) {
	line := typing{}
	for range 2 * maxTyped {
		line.press('x')
	}
	if n := len(line.text()); n != maxTyped {
		t.Errorf("%d letters were taken", n)
	}
	line.answer(errors.New("too long"))
	if lead, typed, on := line.prompt(); lead != "too long:" || typed == "" || !on {
		t.Errorf("after a refusal: %q %q %v", lead, typed, on)
	}
	line.answer(nil)
	if lead, typed, on := line.prompt(); lead != "look for:" || typed != "" || on {
		t.Errorf("after it was taken: %q %q %v", lead, typed, on)
	}
}

func TestAvailable(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", filepath.Join(dir, "wayland-9"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, tt := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"nothing set":       {nil, false},
		"nobody there":      {map[string]string{"DISPLAY": ":987"}, false},
		"no number":         {map[string]string{"DISPLAY": "x"}, false},
		"bad number":        {map[string]string{"DISPLAY": ":x.0"}, false},
		"wayland":           {map[string]string{"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": dir}, true},
		"wayland elsewhere": {map[string]string{"WAYLAND_DISPLAY": "wayland-8", "XDG_RUNTIME_DIR": dir}, false},
		"offscreen":         {map[string]string{"QT_QPA_PLATFORM": "offscreen"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := available(func(key string) string { return tt.env[key] })
			if (err == nil) != tt.want || err != nil && !errors.Is(err, ErrNoDisplay) {
				t.Errorf("available = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestWindow opens a real window, on a desktop that only Qt sees.
func TestWindow(t *testing.T) {
	t.Setenv("QT_QPA_PLATFORM", "offscreen")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w, err := Open("deixis test", Options{})
	if errors.Is(err, ErrNoDisplay) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	f.Resize(320, 240)
	for range 3 {
		if err := w.Show(t.Context(), &f, nil); err != nil {
			t.Error(err)
		}
		if err := w.Idle(); err != nil {
			t.Error(err)
		}
		w.keys.press('x') // from now on with a prompt
	}
	if f.Pix[len(f.Pix)-1] != 0 || w.frame.Pix[len(w.frame.Pix)-1] == 0 {
		t.Error("the prompt is painted on the wrong frame")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Show(t.Context(), &f, nil); !errors.Is(err, io.EOF) {
		t.Errorf("Show of a closed window = %v, want io.EOF", err)
	}
}
