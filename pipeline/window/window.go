// Package window shows the line in a window of the desktop, through OpenCV. No
// gocv type leaves it.
package window

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"gocv.io/x/gocv"

	"deixis/camera"
	"deixis/pipeline"
)

// macOS lets only the first thread of a program touch windows; init runs on it.
func init() {
	if runtime.GOOS == "darwin" {
		runtime.LockOSThread()
	}
}

// ErrNoDisplay says that there is no desktop to show a window on.
var ErrNoDisplay = errors.New("no display")

// The largest window to begin with, pixels; a person may enlarge it.
const (
	maxWidth  = 1280
	maxHeight = 800
)

// maxKeys bounds the keys read between two frames.
const maxKeys = 64

// Options are what the window needs from the program.
type Options struct {
	// Ask replaces the phrases with those typed. Its error is shown in the window.
	Ask func(texts []string) error
}

// Window is a sink. It belongs to the goroutine that opened it, which stays on
// one OS thread until Close.
type Window struct {
	o     Options
	win   *gocv.Window
	sized bool
	keys  typing

	frame   camera.Frame // with the prompt painted on
	overlay pipeline.Overlay
}

// Open opens a window. Its error is ErrNoDisplay where there is no desktop.
func Open(title string, o Options) (*Window, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	w := gocv.NewWindow(title) // locks the OS thread
	if w.GetWindowProperty(gocv.WindowPropertyVisible) < 0 {
		return nil, errors.Join(fmt.Errorf("open window: OpenCV has no window of its own here: %w", ErrNoDisplay), w.Close())
	}
	return &Window{o: o, win: w}, nil
}

// Show shows f and reads the keys pressed since the frame before. It returns
// io.EOF when the window was closed, or q or Esc pressed.
func (w *Window) Show(_ context.Context, f *camera.Frame, _ []pipeline.View) error {
	if w.closed() {
		return io.EOF // imshow would open it again
	}
	f.CopyTo(&w.frame)
	if lead, typed, on := w.keys.prompt(); on {
		w.overlay.Prompt(&w.frame, lead, typed)
	}
	mat, err := gocv.NewMatFromBytes(w.frame.Height, w.frame.Width, gocv.MatTypeCV8UC3, w.frame.Pix)
	if err != nil {
		return fmt.Errorf("show window: %w", err)
	}
	defer mat.Close()
	if err := w.fit(); err != nil {
		return err
	}
	if err := w.win.IMShow(mat); err != nil {
		return fmt.Errorf("show window: %w", err)
	}
	return w.read()
}

// Idle reads keys while no frame comes.
func (w *Window) Idle() error {
	if w.closed() {
		return io.EOF
	}
	return w.read()
}

func (w *Window) closed() bool {
	return w.sized && w.win.GetWindowProperty(gocv.WindowPropertyVisible) < 1
}

// fit gives the window its first size: the picture's, or smaller in proportion.
func (w *Window) fit() error {
	if w.sized {
		return nil
	}
	w.sized = true
	scale := min(1, float64(maxWidth)/float64(w.frame.Width), float64(maxHeight)/float64(w.frame.Height))
	if err := w.win.ResizeWindow(int(scale*float64(w.frame.Width)), int(scale*float64(w.frame.Height))); err != nil {
		return fmt.Errorf("size window: %w", err)
	}
	return nil
}

// read takes the keys that wait.
func (w *Window) read() error {
	for range maxKeys {
		code := w.win.PollKey()
		if code < 0 {
			return nil
		}
		switch w.keys.press(code) {
		case quit:
			return io.EOF
		case submit:
			w.keys.answer(w.o.Ask(pipeline.Split(w.keys.text())))
		}
	}
	return nil
}

// Close closes the window and lets go of its thread.
func (w *Window) Close() error { return w.win.Close() }
