package opencv

import (
	"context"
	"errors"
	"time"

	"deixis/camera"
	"deixis/camera/hang"
)

// A handle is one open native video. Read fills f's picture, place and, where it
// knows them, time and number in this connection, from 1; io.EOF when there is
// nothing more to read.
type handle interface {
	Read(f *camera.Frame) error
	Info() Info
	Close() error
}

// An aborter is a handle whose Read another goroutine can end.
type aborter interface{ Abort() }

// A lossCounter is a handle that counts the frames that it could not decode.
type lossCounter interface{ Lost() int }

// A finder is a handle that was told where to go on: Found is the time of the first
// frame as its Read would tell it, and whether it stands there.
type finder interface {
	Found() (time.Duration, bool)
}

// An opener opens a handle, and may take as long as its library likes. Its context
// ends when nobody waits for the handle any more.
type opener func(ctx context.Context) (handle, error)

// A session is one handle and the one goroutine that opens, reads and closes
// it. The callers wait with a limit; a native call that hangs is left behind
// and its handle freed when it returns.
type session struct {
	opened chan error
	info   Info   // set before opened is answered
	h      handle // likewise

	want  chan struct{} // asks for one frame; closed by Close
	got   chan error    // answers it; the picture is in frame
	frame camera.Frame
	lost  int  // frames that could not be decoded, as of the last answer
	owed  bool // a frame was asked for and not waited for

	giveUp context.CancelFunc // frees the opener's context

	gone chan struct{} // closed when the handle is
	err  error         // of closing; set before gone
}

// dial starts a session and waits until its handle is open, at most limit.
func dial(ctx context.Context, open opener, limit time.Duration) (*session, error) {
	s := &session{
		opened: make(chan error, 1), want: make(chan struct{}, 1),
		got: make(chan error, 1), gone: make(chan struct{}),
	}
	waiting, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	go s.serve(waiting, open)
	err, ok := hang.Wait(ctx, limit, s.opened)
	if ok == nil && err == nil {
		s.giveUp = giveUp
		return s, nil
	}
	giveUp()
	close(s.want)
	return nil, errors.Join(ok, err)
}

// serve runs on the goroutine that owns the handle.
func (s *session) serve(ctx context.Context, open opener) {
	defer close(s.gone)
	h, err := open(ctx)
	if err != nil {
		s.opened <- err
		return
	}
	s.info, s.h = h.Info(), h
	s.opened <- nil
	for range s.want {
		s.frame.Seq, s.frame.At = 0, time.Time{}
		err := h.Read(&s.frame)
		if l, ok := h.(lossCounter); ok {
			s.lost = l.Lost()
		}
		s.got <- err
	}
	s.err = h.Close()
}

// next swaps the next frame into f. Its errors are those of the handle's Read,
// hang.ErrSlow and that of ctx.
func (s *session) next(ctx context.Context, f *camera.Frame, limit time.Duration) error {
	if !s.owed {
		s.want <- struct{}{}
		s.owed = true
	}
	read, err := hang.Wait(ctx, limit, s.got)
	if err != nil {
		return err
	}
	s.owed = false
	if read == nil {
		f.Pix, s.frame.Pix = s.frame.Pix, f.Pix
		f.Width, f.Height = s.frame.Width, s.frame.Height
		f.Seq, f.PTS, f.At = s.frame.Seq, s.frame.PTS, s.frame.At
	}
	return read
}

// close frees the handle. It waits a moment for a call under way, and no longer.
func (s *session) close() error {
	s.giveUp()
	close(s.want)
	if a, ok := s.h.(aborter); ok {
		a.Abort()
	}
	if _, err := hang.Wait(context.Background(), time.Second, s.gone); err != nil {
		return nil // serve frees it when the call returns
	}
	return s.err
}
