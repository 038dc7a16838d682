package window

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/camera/child"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

func TestMain(m *testing.M) {
	child.Serve(Roles())
	goleak.VerifyTestMain(m)
}

func TestTyping(t *testing.T) {
	for name, tt := range map[string]struct {
		keys string
		last action
		text string
		on   bool
	}{
		"q quits":              {"q", quit, "", false},
		"escape quits":         {"\x1b", quit, "", false},
		"letters are no line":  {"cu", help, "", false},
		"a line":               {"/cup", nothing, "cup", true},
		"q within a line":      {"/a q", nothing, "a q", true},
		"p pauses":             {"p", pause, "", false},
		"so does a space":      {" ", pause, "", false},
		"h, m, t and s":        {"hmts", save, "", false},
		"commands in a line":   {"/phm s", nothing, "phm s", true},
		"q first":              {"/queen", nothing, "queen", true},
		"enter first":          {"\rqueue", nothing, "queue", true},
		"enter ends":           {"/cup\r", submit, "cup", true},
		"enter on nothing":     {"/\r", nothing, "", false},
		"escape gives up":      {"/cup\x1b", nothing, "", false},
		"escape twice quits":   {"/cup\x1b\x1b", quit, "", false},
		"backspace":            {"/cut\x08p", nothing, "cup", true},
		"backspace on nothing": {"/\x7f\x7f", nothing, "", true},
		"latin letters":        {"/t\xfcr", nothing, "tür", true},
		"control signs":        {"\x01\x02", nothing, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var line keyboard
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
		"shift within a line":    {[]int{'/', 'a', 0xffe1, 0x10000 | 'B'}, nothing, "aB", true},
		"enter":                  {[]int{'/', 'a', 0xff0d}, submit, "a", true},
		"enter of the keypad":    {[]int{'/', 'a', 0xff8d}, submit, "a", true},
		"tab begins a line":      {[]int{0xff09, 'q'}, nothing, "q", true},
		"escape":                 {[]int{'/', 'a', 0xff1b}, nothing, "", false},
		"escape quits":           {[]int{0xff1b}, quit, "", false},
		"backspace and delete":   {[]int{'/', 'a', 'b', 'c', 0xff08, 0xffff}, nothing, "a", true},
		"other keys held":        {[]int{0x100000 | 'q'}, quit, "", false},
		"a letter above Latin-1": {[]int{0x01b1}, nothing, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			var line keyboard
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
	line := keyboard{}
	line.press('/')
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

// glass is a screen that a test looks at and types on.
type glass struct {
	keys  []int
	shown []camera.Frame
	size  [2]int
	gone  bool
}

func (g *glass) Show(f *camera.Frame) error {
	var kept camera.Frame
	f.CopyTo(&kept)
	g.shown = append(g.shown, kept)
	return nil
}

func (g *glass) Resize(w, h int) error { g.size = [2]int{w, h}; return nil }
func (g *glass) Visible() bool         { return !g.gone }
func (g *glass) Close() error          { return nil }
func (g *glass) Key() int {
	if len(g.keys) == 0 {
		return -1
	}
	code := g.keys[0]
	g.keys = g.keys[1:]
	return code
}

func (g *glass) typed(keys string) {
	for i := range len(keys) {
		g.keys = append(g.keys, int(keys[i]))
	}
}

// last is the picture on the glass: how bright its top left and its middle are.
func (g *glass) last() (top, middle int) {
	f := &g.shown[len(g.shown)-1]
	at := func(x, y int) int { p := 3 * (y*f.Width + x); return int(f.Pix[p]) + int(f.Pix[p+1]) + int(f.Pix[p+2]) }
	return at(60, 19), at(f.Width/2, f.Height/2)
}

func TestKeysOfTheWindow(t *testing.T) {
	on, gate, lost := &glass{}, &line.Gate{}, false
	var asked []string
	var saved camera.Frame
	w := &Window{on: on, o: Options{
		Ask:  func(texts []string) error { asked = texts; return nil },
		Gate: gate,
		Save: func(f *camera.Frame) (string, error) { f.CopyTo(&saved); return "a.jpg", nil },
		Lost: func() bool { return lost },
	}}
	var f camera.Frame
	f.Resize(1920, 1080)
	for i := range f.Pix {
		f.Pix[i] = 100
	}
	views := []pipeline.View{{Attention: []float32{1}, Grid: 1}}
	show := func() {
		t.Helper()
		if err := w.Show(t.Context(), &f, views); err != nil {
			t.Fatal(err)
		}
	}
	idle := func() { // takes the keys, then paints
		t.Helper()
		for range 2 {
			if err := w.Idle(); err != nil {
				t.Fatal(err)
			}
		}
	}
	show()
	top, middle := on.last()
	if top != 300 || middle != 300 || on.size != [2]int{1280, 720} {
		t.Errorf("at first %d, %d in %v", top, middle, on.size)
	}
	on.typed("h")
	idle() // while no frame comes
	if _, middle = on.last(); middle == 300 {
		t.Error("no heat map")
	}
	on.typed("hp")
	show()
	idle()
	if top, middle = on.last(); !gate.Paused() || top == 300 || middle != 300 {
		t.Errorf("paused %v, top %d, middle %d", gate.Paused(), top, middle)
	}
	on.typed("ps")
	idle()
	if gate.Paused() || saved.Width != 1920 || saved.Pix[3*(8*1920+12)] != 100 || w.notice != "saved a.jpg" {
		t.Errorf("paused %v, saved %d pixels with %d on them, %q", gate.Paused(), saved.Width, saved.Pix[0], w.notice)
	}
	on.typed("/the cup; a dog\r")
	idle()
	if len(asked) != 2 || asked[0] != "the cup" || w.keys.on {
		t.Errorf("asked %q", asked)
	}
	on.typed("mt") // nobody can mirror, and nobody listens
	idle()
	talked := 0
	w.o.Talk = func() { talked++ }
	on.typed("tt")
	if idle(); talked != 2 {
		t.Errorf("key t talks %d times, not 2", talked)
	}
	lost, w.notice = true, ""
	n := len(on.shown)
	idle()
	if top, _ = on.last(); len(on.shown) != n+1 || top == 300 {
		t.Error("a source that is away is not told")
	}
	idle()
	if len(on.shown) != n+1 {
		t.Error("it is painted again and again")
	}
	on.typed("z")
	if idle(); !strings.Contains(w.notice, "q quit") {
		t.Errorf("an unknown key says %q", w.notice)
	}
	on.typed("q")
	if err := w.Idle(); !errors.Is(err, io.EOF) {
		t.Errorf("q: %v", err)
	}
	on.gone = true
	if err := w.Show(t.Context(), &f, nil); !errors.Is(err, io.EOF) {
		t.Errorf("a closed window: %v", err)
	}
}

func TestSaveFails(t *testing.T) {
	on := &glass{}
	w := &Window{on: on, o: Options{
		Save:   func(*camera.Frame) (string, error) { return "", errors.New("disk is full") },
		Mirror: func() bool { return true },
	}}
	on.typed("s")
	if err := w.Idle(); err != nil || w.notice != "" {
		t.Errorf("saved before the first frame: %q, %v", w.notice, err)
	}
	var f camera.Frame
	f.Resize(64, 48)
	on.typed("s")
	if err := w.Show(t.Context(), &f, nil); err != nil || w.notice != "disk is full" {
		t.Errorf("%q, %v", w.notice, err)
	}
	on.typed("m")
	if err := w.Idle(); err != nil || w.notice != "like a mirror" {
		t.Errorf("%q, %v", w.notice, err)
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
		w.keys.press('/') // from now on with a prompt
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
