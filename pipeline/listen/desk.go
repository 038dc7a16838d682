package listen

import (
	"context"
	"errors"
	"io"
	"sync"
)

// ErrTaken says that somebody else speaks already.
var ErrTaken = errors.New("somebody else speaks already")

// A Desk is a Source that gives a guest's sound while there is one, and else its
// own. Read belongs to one goroutine; every other method may be called from any.
type Desk struct {
	Own Source // nil: there is none, and between guests it is silent

	mu    sync.Mutex
	guest *Guest
	turn  context.Context // ends when a guest comes or leaves; nil before anyone has read
	over  func()          // ends it
}

// waitingRoom is how many pieces of a guest's sound wait to be read.
const waitingRoom = 64

// A Guest gives sound to a Desk from elsewhere, such as a browser's microphone.
type Guest struct {
	desk  *Desk
	sound chan []float32
	gone  chan struct{}
	once  sync.Once
}

// Seat lets a guest speak until it leaves. Its error is ErrTaken.
func (d *Desk) Seat() (*Guest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.guest != nil {
		return nil, ErrTaken
	}
	d.change(&Guest{desk: d, sound: make(chan []float32, waitingRoom), gone: make(chan struct{})})
	return d.guest, nil
}

// change lets another speak, or the desk itself, and wakes who reads. d.mu is held.
func (d *Desk) change(to *Guest) {
	d.guest = to
	if d.over != nil {
		d.over()
	}
	d.turn, d.over = context.WithCancel(context.Background())
}

// now is who speaks, and what ends when that changes.
func (d *Desk) now() (*Guest, context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turn == nil {
		d.change(nil)
	}
	return d.guest, d.turn
}

// Read is that of the guest, or of the desk's own source.
func (d *Desk) Read(ctx context.Context, pcm []float32) (int, error) {
	for {
		g, turn := d.now()
		n, err := d.read(ctx, pcm, g, turn)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// read waits for sound, or for somebody else to speak: then it is 0, nil.
func (d *Desk) read(ctx context.Context, pcm []float32, g *Guest, turn context.Context) (int, error) {
	if g != nil {
		select {
		case s := <-g.sound:
			return copy(pcm, s), nil
		case <-turn.Done():
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if d.Own == nil {
		select {
		case <-turn.Done():
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	own, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(turn, stop)()
	n, err := d.Own.Read(own, pcm)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = nil
	}
	return n, err
}

// Trouble is that of the desk's own source while nobody else speaks.
func (d *Desk) Trouble() string {
	if g, _ := d.now(); g != nil {
		return ""
	}
	if d.Own == nil {
		return "no microphone here: speak on the page"
	}
	if t, ok := d.Own.(troubled); ok {
		return t.Trouble()
	}
	return ""
}

// Close closes the desk's own source.
func (d *Desk) Close() error {
	if d.Own == nil {
		return nil
	}
	return d.Own.Close()
}

// Put gives sound, in pieces of Chunk, and waits while too much of it waits. It
// keeps pcm. Errors are ctx's, and io.ErrClosedPipe once the guest has left.
func (g *Guest) Put(ctx context.Context, pcm []float32) error {
	for len(pcm) > 0 {
		n := min(len(pcm), Chunk)
		select {
		case g.sound <- pcm[:n]:
			pcm = pcm[n:]
		case <-g.gone:
			return io.ErrClosedPipe
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Leave gives the desk back to its own source.
func (g *Guest) Leave() {
	g.once.Do(func() {
		close(g.gone)
		g.desk.mu.Lock()
		defer g.desk.mu.Unlock()
		g.desk.change(nil)
	})
}
