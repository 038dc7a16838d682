package opencv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"deixis/camera"
	"deixis/camera/child"
)

// A crash says why a child that reads ended before its source did.
type crash string

func (c crash) Error() string { return string(c) }

// remote is a video that a child of this program reads.
type remote struct {
	p        *child.Process
	o        Options
	slotSize int
	live     bool
	info     Info
	reports  chan report // closed when the child is gone
	end      error       // set once there are no more frames
	lost     int         // frames that the child could not decode
	next     int         // index of the frame after the last one read
	found    bool        // it stands after Options.At
	base     time.Duration
}

// openRemote starts a child that reads ref from where todo says. The child is ended
// when ctx ends before it has opened.
func openRemote(ctx context.Context, ref camera.Ref, o Options, todo order) (*remote, error) {
	slotSize := (3*o.MaxPixels + 4095) &^ 4095
	p, err := child.Start(readerRole, child.Options{
		Memory: slots * slotSize, MaxResident: o.MaxResident, Allow: " (--reader-memory allows more)",
	})
	if err != nil {
		return nil, errors.Join(errNoChild, err)
	}
	r := &remote{p: p, o: o, slotSize: slotSize, reports: make(chan report, slots), next: max(todo.Skip, int(todo.At.Seq))}
	if r.live = ref.Live(); r.live {
		r.reports = make(chan report, 1)
	}
	go r.pump()
	todo.Ref, todo.Width, todo.Height, todo.FPS, todo.Format = ref, o.Width, o.Height, o.FPS, o.Format
	todo.OpenTimeout, todo.ReadTimeout, todo.MaxPixels, todo.SlotSize = o.OpenTimeout, o.ReadTimeout, o.MaxPixels, slotSize
	err = p.Send(todo)
	var told report
	if err == nil {
		stop := context.AfterFunc(ctx, func() { p.Kill("nobody waits for it any more") })
		defer stop()
		for told.Working = true; told.Working && err == nil; {
			told, err = r.wait(max(o.NoFrame, o.OpenTimeout+time.Second))
		}
	}
	if err == nil {
		err = told.err()
	} else {
		err = fmt.Errorf("open %s %q: the reader ended: %w: %w", ref.Kind, ref, err, lossOf(ref))
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.info, r.found, r.base = told.Info, told.Found, told.Base
	return r, nil
}

// Found is OpenCV's time of the first frame, and whether reading goes on after
// Options.At.
func (r *remote) Found() (time.Duration, bool) { return r.base, r.found }

// errNoChild says that no child could be started.
var errNoChild = errors.New("no child could be started")

// lossOf is the sentinel for a source that cannot be read.
func lossOf(ref camera.Ref) error {
	switch ref.Kind {
	case camera.Device:
		return camera.ErrNoDevice
	case camera.Stream:
		return camera.ErrLost
	}
	return camera.ErrNoPicture
}

// pump takes the child's reports. Of a live source the newest frame wins: one
// that nobody took gives its slot back.
func (r *remote) pump() {
	defer close(r.reports)
	opened := false
	for {
		var told report
		if r.p.Receive(&told) != nil {
			return
		}
		if r.live && opened && !told.End {
			select {
			case old := <-r.reports:
				if !old.Working {
					r.p.Send(old.Slot)
				}
			default:
			}
		}
		opened = opened || told.Width > 0
		r.reports <- told
	}
}

// wait is the child's next report, or a crash.
func (r *remote) wait(limit time.Duration) (report, error) {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case told, ok := <-r.reports:
		if !ok {
			return told, crash(r.p.Reason())
		}
		return told, nil
	case <-late.C:
		r.p.Kill(fmt.Sprintf("no frame for %v (--reader-timeout allows more)", limit))
		return report{}, crash(r.p.Reason())
	}
}

// Read copies the next frame out of the ring into f: what f holds is never
// shared with the child. Its errors are io.EOF, crash and what the child told.
func (r *remote) Read(f *camera.Frame) error {
	for r.end == nil {
		told, err := r.wait(r.o.NoFrame)
		if err != nil {
			return err
		}
		r.lost = told.Lost
		if told.End {
			r.end = cmp.Or(told.err(), io.EOF)
		}
		if told.Working || told.End {
			continue
		}
		f.Resize(told.Width, told.Height)
		copy(f.Pix, r.p.Memory[told.Slot*r.slotSize:])
		f.Seq, f.PTS = uint64(told.Index)+1, told.PTS
		if r.live { // a file's frames are read ahead, which is no age
			age := max(0, time.Now().UnixNano()-told.At)
			f.At = time.Now().Add(-time.Duration(age))
		}
		r.next = told.Index + 1
		r.p.Send(told.Slot) // an error shows at the next report
		return nil
	}
	return r.end
}

func (r *remote) Info() Info { return r.info }
func (r *remote) Lost() int  { return r.lost }

// Abort ends a Read under way, from any goroutine.
func (r *remote) Abort() { r.p.Kill("closed") }

// Close ends the child, and waits until nothing of it is left.
func (r *remote) Close() error {
	r.p.Kill("closed")
	for range r.reports {
	}
	return r.p.Close()
}

// jumps are how many frames are passed over at the tries to go on after a crash.
// The first is none: a fresh decoder often takes the frame that ended another.
var jumps = []int{0, 1, 8, 64, 512}

// mostCrashes bounds how often the reader of one file is started.
const mostCrashes = 100

// restarting is a file whose reader is started again when it ends by a crash.
type restarting struct {
	*remote
	ref     camera.Ref
	o       Options
	lost    int // frames passed over, and those of readers that are gone
	crashes int
	tries   int // crashes since the last frame

	mu     sync.Mutex // guards remote against Abort
	closed bool
}

// Lost is how many frames could not be read so far.
func (r *restarting) Lost() int { return r.lost + r.remote.lost }

// Abort ends a Read under way, from any goroutine.
func (r *restarting) Abort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.remote.Abort()
}

func (r *restarting) aborted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// Read is the next frame that can be read; after a crash reading goes on at the
// frame that it happened in, or else further on.
func (r *restarting) Read(f *camera.Frame) error {
	start := r.next
	for {
		err := r.remote.Read(f)
		var why crash
		if err == nil {
			r.tries = 0
			return nil
		}
		if !errors.As(err, &why) || r.aborted() {
			return err
		}
		if err := r.restart(start, why); err != nil {
			return err
		}
	}
}

func (r *restarting) restart(start int, why crash) error {
	r.crashes++
	if r.tries == len(jumps) || r.crashes > mostCrashes {
		return unreadable(fmt.Sprintf("read video %q: the decoder ends at frame %d (%s) and cannot go on after it", r.ref, start+1, why))
	}
	next := start + jumps[r.tries]
	r.o.Log.Warn("the reader of a video ended and is started again", "source", r.ref.String(), "frame", start+1, "why", string(why))
	r.lost += r.remote.lost
	if r.tries > 0 {
		r.lost += jumps[r.tries] - jumps[r.tries-1]
	}
	r.tries++
	err := r.remote.Close()
	again, openErr := openRemote(context.Background(), r.ref, r.o, order{Skip: next, Seek: r.tries > 2})
	if openErr != nil {
		return errors.Join(openErr, err)
	}
	again.info = cmp.Or(again.info, r.info)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remote = again
	if r.closed {
		again.Abort()
	}
	return err
}
