package window

import (
	"errors"
	"fmt"
	"runtime"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// macOS lets only the first thread of a program touch windows; init runs on it.
func init() {
	if runtime.GOOS == "darwin" {
		runtime.LockOSThread()
	}
}

// desktop is a window of OpenCV's.
type desktop struct{ win *gocv.Window }

func openDesktop(title string) (screen, error) {
	w := gocv.NewWindow(title) // locks the OS thread
	if w.GetWindowProperty(gocv.WindowPropertyVisible) < 0 {
		return nil, errors.Join(fmt.Errorf("open window: OpenCV has no window of its own here: %w", ErrNoDisplay), w.Close())
	}
	return desktop{w}, nil
}

func (d desktop) Show(f *camera.Frame) error {
	mat, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.Pix)
	if err != nil {
		return err
	}
	defer mat.Close()
	return d.win.IMShow(mat)
}

func (d desktop) Resize(w, h int) error { return d.win.ResizeWindow(w, h) }
func (d desktop) Visible() bool         { return d.win.GetWindowProperty(gocv.WindowPropertyVisible) >= 1 }
func (d desktop) Key() int              { return d.win.PollKey() }
func (d desktop) Close() error          { return d.win.Close() }
