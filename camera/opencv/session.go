package opencv

import (
	"context"
	"errors"
	"time"

	"deixis/camera"
	"deixis/camera/hang"
)

// A handle is one open native video. Read fills f's picture and place, and
// says false when there is nothing more to read, for whatever reason.
type handle interface {
	Read(f *camera.Frame) bool
	Info() Info
	Close() error
}

// An opener opens a handle, and may take as long as its library likes.
type opener func() (handle, error)

// A session is one handle and the one goroutine that opens, reads and closes
// it. The callers wait with a limit; a native call that hangs is left behind
// and its handle freed when it returns.
type session struct {
	opened chan error
	info   Info // set before opened is answered

	want  chan struct{} // asks for one frame; closed by Close
	got   chan bool     // answers it; the picture is in frame
	frame camera.Frame
	owed  bool // a frame was asked for and not waited for

	gone chan struct{} // closed when the handle is
	err  error         // of closing; set before gone
}

// dial starts a session and waits until its handle is open, at most limit.
func dial(ctx context.Context, open opener, limit time.Duration) (*session, error) {
	s := &session{
		opened: make(chan error, 1), want: make(chan struct{}, 1),
		got: make(chan bool, 1), gone: make(chan struct{}),
	}
	go s.serve(open)
	err, ok := hang.Wait(ctx, limit, s.opened)
	if ok == nil && err == nil {
		return s, nil
	}
	close(s.want)
	return nil, errors.Join(ok, err)
}

// serve runs on the goroutine that owns the handle.
func (s *session) serve(open opener) {
	defer close(s.gone)
	h, err := open()
	if err != nil {
		s.opened <- err
		return
	}
	s.info = h.Info()
	s.opened <- nil
	for range s.want {
		s.got <- h.Read(&s.frame)
	}
	s.err = h.Close()
}

// next swaps the next frame into f. It reports false at the handle's end; its
// errors are hang.ErrSlow and that of ctx.
func (s *session) next(ctx context.Context, f *camera.Frame, limit time.Duration) (bool, error) {
	if !s.owed {
		s.want <- struct{}{}
		s.owed = true
	}
	ok, err := hang.Wait(ctx, limit, s.got)
	if err != nil {
		return false, err
	}
	s.owed = false
	if ok {
		f.Pix, s.frame.Pix = s.frame.Pix, f.Pix
		f.Width, f.Height, f.PTS = s.frame.Width, s.frame.Height, s.frame.PTS
	}
	return ok, nil
}

// close frees the handle. It waits a moment for a call under way, and no longer.
func (s *session) close() error {
	close(s.want)
	if _, err := hang.Wait(context.Background(), time.Second, s.gone); err != nil {
		return nil // serve frees it when the call returns
	}
	return s.err
}
