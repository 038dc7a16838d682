// Package window shows the line in a window of the desktop, through OpenCV. No
// gocv type leaves it.
package window

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/overlay"
)

// ErrNoDisplay says that there is no desktop to show a window on.
var ErrNoDisplay = errors.New("no display")

// The largest window to begin with, pixels; a person may enlarge it.
const (
	maxWidth  = 1280
	maxHeight = 800
)

const (
	maxKeys   = 64              // read between two frames
	noticeFor = 3 * time.Second // how long a line at the top stays
)

// Options are what the window needs from the program. What is nil its key
// does not do.
type Options struct {
	// Ask replaces the phrases with those typed. Its error is shown in the window.
	Ask func(texts []string) error
	// Gate stops the picture and lets it go on.
	Gate pipeline.Pauser
	// Mirror turns the picture round like a mirror's or back, and says which.
	Mirror func() (mirrored bool)
	// Save keeps a picture and says where.
	Save func(f *camera.Frame) (file string, err error)
	// Talk holds the button to talk, or lets it go: a window learns of no key that
	// is let go.
	Talk func()
	// Lost says whether the source is away; nil: it never is.
	Lost func() bool
	// Gone is told once when the desktop takes the window away; what is shown
	// from then on is not seen.
	Gone func(why error)
}

// A screen is a window as the desktop gives it, or a stand-in for one.
type screen interface {
	Show(f *camera.Frame) error
	Resize(w, h int) error
	Visible() bool
	Key() int // one key pressed, by its code; below 0 none
	Close() error
}

// Window is a sink. It belongs to the goroutine that opened it, which stays on
// one OS thread until Close.
type Window struct {
	o     Options
	on    screen
	gone  bool // the desktop took the window away
	sized bool
	keys  keyboard

	last   camera.Frame // as it came; Width 0 before the first
	views  []pipeline.View
	stands bool // paused
	stale  bool // something changed since it was painted
	heat   bool
	lost   bool

	notice string // at the top
	until  time.Time

	frame   camera.Frame // with everything painted on
	overlay overlay.Overlay
}

// Open opens a window. Its error is ErrNoDisplay where there is no desktop.
func Open(title string, o Options) (*Window, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	on, err := openScreen(title)
	if err != nil {
		return nil, err
	}
	return &Window{o: o, on: on}, nil
}

// Show shows f and reads the keys pressed since the frame before. It returns
// io.EOF when the window was closed, or q or Esc pressed. A desktop that ends is
// no error: Gone is told, and nothing is shown any more.
func (w *Window) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	if w.gone {
		return nil
	}
	if w.closed() {
		return io.EOF // imshow would open it again
	}
	f.CopyTo(&w.last)
	w.views = views
	w.changed(time.Now())
	if err := w.render(); err != nil {
		return w.lose(err)
	}
	_, err := w.read()
	return w.lose(err)
}

// lose takes an error of a window that is gone for its end, and leaves others as
// they are.
func (w *Window) lose(err error) error {
	if !errors.Is(err, errGone) {
		return err
	}
	w.gone = true
	if w.o.Gone != nil {
		w.o.Gone(err)
	}
	return nil
}

// Idle reads keys while no frame comes, and shows what they change.
func (w *Window) Idle() error {
	if w.gone {
		return nil
	}
	if w.closed() {
		return io.EOF
	}
	w.stale = w.changed(time.Now()) || w.stale
	pressed, err := w.read()
	if err != nil || pressed || !w.stale {
		return w.lose(err) // while somebody types, keys come first: the desktop remembers one
	}
	return w.lose(w.render())
}

func (w *Window) closed() bool { return w.sized && !w.on.Visible() }

// changed looks at what may change without a key: the source and the time.
func (w *Window) changed(now time.Time) bool {
	lost, stands := w.o.Lost != nil && w.o.Lost(), w.o.Gate != nil && w.o.Gate.Paused()
	over := w.notice != "" && now.After(w.until)
	if over {
		w.notice = ""
	}
	other := lost != w.lost || stands != w.stands
	w.lost, w.stands = lost, stands
	return over || other
}

// render paints what is known on the last frame and shows it.
func (w *Window) render() error {
	w.stale = false
	if w.last.Width == 0 {
		return nil
	}
	w.last.CopyTo(&w.frame)
	if w.heat {
		overlay.Heat(&w.frame, w.views)
	}
	if line := w.line(); line != "" {
		w.overlay.Notice(&w.frame, line)
	}
	if lead, typed, on := w.keys.prompt(); on {
		w.overlay.Prompt(&w.frame, lead, typed)
	}
	if err := w.fit(); err != nil {
		return err
	}
	if err := w.on.Show(&w.frame); err != nil {
		return fmt.Errorf("show window: %w", err)
	}
	return nil
}

// line is what the top of the window says; what matters most comes first.
func (w *Window) line() string {
	switch {
	case w.lost:
		return "the camera is away, trying again …"
	case w.notice != "":
		return w.notice
	case w.stands:
		return "paused (p goes on)"
	}
	return ""
}

// say shows a line for a moment.
func (w *Window) say(line string) { w.notice, w.until = line, time.Now().Add(noticeFor) }

// fit gives the window its first size: the picture's, or smaller in proportion.
func (w *Window) fit() error {
	if w.sized {
		return nil
	}
	w.sized = true
	scale := min(1, float64(maxWidth)/float64(w.frame.Width), float64(maxHeight)/float64(w.frame.Height))
	if err := w.on.Resize(int(scale*float64(w.frame.Width)), int(scale*float64(w.frame.Height))); err != nil {
		return fmt.Errorf("size window: %w", err)
	}
	return nil
}

// read takes the keys that wait, and says whether there were any.
func (w *Window) read() (pressed bool, err error) {
	for range maxKeys {
		code := w.on.Key()
		if code < 0 {
			break
		}
		pressed, w.stale = true, true
		if err := w.act(w.keys.press(code)); err != nil {
			return pressed, err
		}
	}
	return pressed, nil
}

// act does what a key asks for; quit is io.EOF.
func (w *Window) act(a action) error {
	switch {
	case a == quit:
		return io.EOF
	case a == submit:
		w.keys.answer(w.o.Ask(pipeline.Split(w.keys.text())))
	case a == pause && w.o.Gate != nil:
		w.stands = !w.o.Gate.Paused()
		w.o.Gate.Pause(w.stands)
	case a == heat:
		w.heat = !w.heat
	case a == mirror && w.o.Mirror != nil:
		w.say(map[bool]string{true: "like a mirror", false: "as the camera sees"}[w.o.Mirror()])
		if w.o.Gate != nil {
			w.o.Gate.Nudge() // a picture that stands turns, too
		}
	case a == talk && w.o.Talk != nil:
		w.o.Talk()
	case a == save && w.o.Save != nil && w.last.Width > 0:
		file, err := w.o.Save(&w.last)
		if err != nil {
			w.say(err.Error())
		} else {
			w.say("saved " + file)
		}
	case a == help:
		w.say("/ phrase   p pause   h heat map   m mirror   t talk   s snapshot   q quit")
	}
	return nil
}

// Close closes the window and lets go of its thread.
func (w *Window) Close() error { return w.on.Close() }
