package window

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"deixis/camera"
	"deixis/camera/child"
)

// errGone says that the window's process has ended, or answers no more.
var errGone = errors.New("the window is gone")

// windowRole is the child's name of holding a window.
const windowRole = "window"

// slots are the pictures in shared memory: one that is shown, one that is written.
const slots = 2

// slotSize bounds a picture, bytes: 100 million pixels. Memory that nobody writes takes no room.
const slotSize = 3 * 100_000_000

// mostSilent is how long a desktop may take over a picture before its window counts as gone.
const mostSilent = 10 * time.Second

// Roles is what a child of this program can do for this package; main and TestMain hand it to
// child.Serve.
func Roles() map[string]child.Role { return map[string]child.Role{windowRole: serve} }

// order is a message to the child. The first one opens the window.
type order struct {
	Title         string
	Resize, Show  bool // to Width and Height; what Slot holds
	Slot          int
	Width, Height int
}

// state is a message of the child.
type state struct {
	Err     string // of opening or showing
	Shown   bool   // an order to show is done
	Visible bool
	Keys    []int // pressed since the message before
}

// process is a window that a child of this program holds: the libraries of a desktop end a
// program whose display goes away.
type process struct {
	p     *child.Process
	n     int           // pictures sent
	shown chan struct{} // one for each that was shown
	gone  chan struct{} // closed when the child is gone

	mu      sync.Mutex // guards what follows
	visible bool
	keys    []int
	err     string // of showing
}

// openScreen opens a window in a child, or in this process where no child can be started.
func openScreen(title string) (screen, error) {
	p, err := child.Start(windowRole, child.Options{Memory: slots * slotSize})
	if err != nil {
		return openDesktop(title)
	}
	var first state
	err = p.Send(order{Title: title})
	if err == nil {
		late := time.AfterFunc(mostSilent, func() { p.Kill(fmt.Sprintf("no answer for %v", mostSilent)) })
		err = p.Receive(&first)
		late.Stop()
	}
	switch {
	case err != nil:
		err = fmt.Errorf("open window: %s (use --http 127.0.0.1:7420 for a page instead): %w", p.Reason(), ErrNoDisplay)
	case first.Err != "":
		err = fmt.Errorf("%s: %w", first.Err, ErrNoDisplay)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	w := &process{p: p, visible: true, shown: make(chan struct{}, slots), gone: make(chan struct{})}
	go w.pump()
	return w, nil
}

// pump takes the child's messages until it is gone.
func (w *process) pump() {
	defer close(w.gone)
	for {
		var s state
		if w.p.Receive(&s) != nil {
			return
		}
		w.mu.Lock()
		w.visible, w.err = s.Visible, s.Err
		if len(w.keys) < maxKeys {
			w.keys = append(w.keys, s.Keys...)
		}
		w.mu.Unlock()
		if s.Shown {
			w.shown <- struct{}{} // there is room: only so many are sent
		}
	}
}

// Show hands f to the child. It waits while the child has not shown the picture before the last.
func (w *process) Show(f *camera.Frame) error {
	if len(f.Pix) > slotSize {
		return fmt.Errorf("%w: a picture of %dx%d is too large for it", errGone, f.Width, f.Height)
	}
	if w.n >= slots {
		late := time.NewTimer(mostSilent)
		defer late.Stop()
		select {
		case <-w.shown:
		case <-w.gone:
			return w.lost()
		case <-late.C:
			w.p.Kill(fmt.Sprintf("no answer for %v", mostSilent))
			return w.lost()
		}
	}
	slot := w.n % slots
	w.n++
	copy(w.p.Memory[slot*slotSize:], f.Pix)
	if w.p.Send(order{Show: true, Slot: slot, Width: f.Width, Height: f.Height}) != nil {
		return w.lost()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != "" {
		return errors.New(w.err)
	}
	return nil
}

// lost waits for the child's end and says why.
func (w *process) lost() error {
	<-w.gone
	return fmt.Errorf("%w: %s", errGone, w.p.Reason())
}

func (w *process) Resize(width, height int) error {
	if w.p.Send(order{Resize: true, Width: width, Height: height}) != nil {
		return w.lost()
	}
	return nil
}

// Visible is false once somebody has closed the window; it stays true when the child is gone.
func (w *process) Visible() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.visible
}

func (w *process) Key() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.keys) == 0 {
		return -1
	}
	key := w.keys[0]
	w.keys = w.keys[1:]
	return key
}

// Close ends the child, and waits until nothing of it is left.
func (w *process) Close() error {
	w.p.Kill("closed")
	<-w.gone
	w.visible = false // pump, which shares it, is gone
	return w.p.Close()
}

// pollEvery is the time between two looks at the keys.
const pollEvery = 10 * time.Millisecond

// serve is the child's work: it holds one window until its parent ends it.
func serve(c *child.Conn) error {
	runtime.LockOSThread()
	var first order
	if err := c.Receive(&first); err != nil {
		return err
	}
	on, err := openDesktop(first.Title)
	if err != nil {
		return c.Send(state{Err: err.Error()})
	}
	if err := c.Send(state{Visible: true}); err != nil {
		return err
	}
	orders := make(chan order, slots)
	go func() {
		for {
			var o order
			if c.Receive(&o) != nil {
				os.Exit(0) // the parent is gone, even while the desktop hangs
			}
			orders <- o
		}
	}()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for was := (state{Visible: true}); ; {
		now := state{Visible: was.Visible}
		select {
		case o := <-orders:
			now.obey(c, on, o)
		case <-tick.C:
		}
		for key := on.Key(); key >= 0 && len(now.Keys) < maxKeys; key = on.Key() {
			now.Keys = append(now.Keys, key)
		}
		now.Visible = was.Visible && on.Visible()
		if now.Shown || now.Err != "" || len(now.Keys) > 0 || now.Visible != was.Visible {
			if err := c.Send(now); err != nil {
				return err
			}
		}
		was = now
	}
}

// obey does what an order asks for. A window that was closed is not opened again.
func (s *state) obey(c *child.Conn, on screen, o order) {
	var err error
	switch {
	case o.Resize:
		err = on.Resize(o.Width, o.Height)
	case o.Show:
		s.Shown = true
		if s.Visible {
			pix := c.Memory[o.Slot*slotSize:][:3*o.Width*o.Height]
			err = on.Show(&camera.Frame{Width: o.Width, Height: o.Height, Pix: pix})
		}
	}
	if err != nil {
		s.Err = err.Error()
	}
}
