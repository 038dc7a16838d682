package opencv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"deixis/camera"
	"deixis/camera/child"
	"deixis/camera/hang"
	"deixis/camera/rosbridge"
)

// The pauses between tries to reconnect: doubled from the first to the last.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Capture reads one device, video file or stream. It belongs to one goroutine,
// but for Info and Lost.
type Capture struct {
	ref  camera.Ref
	o    Options
	open opener
	s    *session // nil while the connection is lost

	info  Info
	seq   uint64
	here  int           // frames of this connection
	taken uint64        // the same, with those dropped before they came here
	start time.Time     // of the first frame
	base  time.Duration // PTS of this connection's first frame
	last  time.Duration // PTS of the frame before

	toldLost bool
	span     span

	stamps *rosbridge.Stamps // of the pictures of a ROS topic; nil for other sources

	told atomic.Pointer[Info] // a copy of info for other goroutines
	away atomic.Bool
}

// OpenCapture opens a device, file or stream; see Open for its errors.
func OpenCapture(ctx context.Context, ref camera.Ref, o Options) (*Capture, error) {
	o = o.filled()
	if !ref.ROS() {
		return newCapture(ctx, ref, o, func(ctx context.Context) (handle, error) { return openReader(ctx, ref, o) })
	}
	var stamps rosbridge.Stamps
	c, err := newCapture(ctx, ref, o, func(ctx context.Context) (handle, error) { return openTopic(ctx, ref, o, &stamps) })
	if err != nil {
		return nil, err
	}
	c.stamps = &stamps
	return c, nil
}

// openReader opens what ref names in a child of this program, or in this process
// where Options ask for it or no child can be started.
func openReader(ctx context.Context, ref camera.Ref, o Options) (handle, error) {
	if !o.InProcess {
		todo := order{At: o.At}
		if o.jumps() && ref.Kind == camera.File {
			todo.From = o.From
		}
		r, err := openRemote(ctx, ref, o, todo)
		switch {
		case err == nil && ref.Kind == camera.File && !o.jumps():
			return &restarting{remote: r, ref: ref, o: o}, nil
		case err == nil:
			return r, nil
		case !errors.Is(err, errNoChild):
			return nil, err
		case !errors.Is(err, child.ErrUnserved) && !errors.Is(err, errors.ErrUnsupported):
			o.Log.Warn("video is read without a child process", "why", err)
		}
	}
	v, err := openVideo(ref, o)
	if err != nil {
		return nil, err
	}
	h := &placed{video: v}
	switch {
	case o.jumps() && ref.Kind == camera.File:
		h.base, h.found = v.jump(o.From)
		return h, nil
	case o.At.Seq == 0:
		return v, nil
	}
	if h.base, h.found, err = v.seek(o.At, func() error { return ctx.Err() }); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return h, nil
}

func newCapture(ctx context.Context, ref camera.Ref, o Options, open opener) (*Capture, error) {
	c := &Capture{ref: ref, o: o, open: open}
	c.told.Store(&Info{})
	err := c.connect(ctx)
	if o.jumps() && ref.Kind == camera.File && ctx.Err() == nil {
		if err = c.jumped(ctx, err); err != nil {
			return nil, err
		}
	}
	switch {
	case err == nil && o.At.Seq > 0 && ref.Kind == camera.File:
		if err := c.goOn(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return c, nil
	case err == nil:
		return c, nil
	case ctx.Err() != nil || !o.Reconnect || !errors.Is(err, camera.ErrNoDevice) && !errors.Is(err, camera.ErrLost):
		return nil, err
	}
	c.away.Store(true)
	o.Log.Warn("the source is not there yet, waiting for it", "source", ref.String(), "why", err)
	return c, nil
}

// goOn brings a file to Options.At: by the time that its reader was told to look for,
// or else by reading all frames up to there.
func (c *Capture) goOn(ctx context.Context) error {
	at := c.o.At
	if h, ok := c.s.h.(finder); ok {
		if base, found := h.Found(); found {
			c.seq, c.taken, c.here = at.Seq, at.Seq, int(at.Seq)
			c.start, c.base, c.last = time.Now(), base, at.PTS
			return nil
		}
	}
	c.o.At = camera.Place{}
	if err := c.reopen(ctx); err != nil {
		return err
	}
	c.o.Log.Debug("reading up to where it goes on", "source", c.ref.String(), "frame", at.Seq)
	var f camera.Frame
	for c.seq < at.Seq {
		if err := c.next(ctx, &f); errors.Is(err, io.EOF) || errors.Is(err, camera.ErrNoPicture) {
			return changed(c.ref, at)
		} else if err != nil {
			return err
		}
	}
	if c.seq != at.Seq || f.PTS != at.PTS || f.Checksum() != at.Sum {
		return changed(c.ref, at)
	}
	return nil
}

// reopen opens a file once more, by other options.
func (c *Capture) reopen(ctx context.Context) error {
	if c.s != nil {
		if err := c.s.close(); err != nil {
			return err
		}
		c.s = nil
	}
	c.open = func(ctx context.Context) (handle, error) { return openReader(ctx, c.ref, c.o) }
	return c.connect(ctx)
}

func changed(ref camera.Ref, at camera.Place) error {
	return fmt.Errorf("read video %q: at frame %d it is %w", ref, at.Seq, camera.ErrChanged)
}

// connect opens the handle and keeps what it says of itself.
func (c *Capture) connect(ctx context.Context) error {
	limit := c.o.OpenTimeout
	if c.ref.Kind == camera.File {
		limit = 0
	}
	s, err := dial(ctx, c.open, limit)
	if err != nil {
		return c.failed(ctx, err)
	}
	c.s, c.info, c.here, c.taken = s, s.info, 0, 0
	told := s.info
	c.told.Store(&told)
	c.away.Store(false)
	c.tellMode()
	return nil
}

// tellMode logs what a camera was asked for and what it gives instead.
func (c *Capture) tellMode() {
	if c.ref.Kind != camera.Device {
		return
	}
	asked, got := c.o.Mode(), c.info.Mode()
	level, says := slog.LevelInfo, "camera"
	if !c.o.met(c.info) {
		level, says = slog.LevelWarn, "the camera gives something else than it was asked for (`deixis devices` lists what it can)"
	}
	c.o.Log.Log(context.Background(), level, says, "source", c.ref.String(), "asked", asked, "got", got)
}

// failed puts an error of opening into words.
func (c *Capture) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, hang.ErrSlow) {
		cause := camera.ErrLost
		if c.ref.Kind == camera.Device {
			cause = camera.ErrNoDevice
		}
		return fmt.Errorf("open %s %q: %w after %v: %w", c.ref.Kind, c.ref, hang.ErrSlow, c.o.OpenTimeout, cause)
	}
	return err
}

// Info is that of the connection at hand; a camera may come back with another
// size. Any goroutine may ask.
func (c *Capture) Info() Info { return *c.told.Load() }

// Lost says whether the source is away and tried again. Any goroutine may ask.
func (c *Capture) Lost() bool { return c.away.Load() }

// Next fills f with the next frame. At a file's end it returns io.EOF; a file
// without a single frame, or shorter than its container says, ends with
// camera.ErrNoPicture. A device or stream that is
// lost is camera.ErrLost, or with Options.Reconnect tried again until ctx ends; a
// recording that is served over the network ends as a file does.
func (c *Capture) Next(ctx context.Context, f *camera.Frame) error {
	if c.ref.Kind == camera.File && (c.o.From > 0 || c.o.To > 0) {
		return c.nextWithin(ctx, f)
	}
	return c.next(ctx, f)
}

func (c *Capture) next(ctx context.Context, f *camera.Frame) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.s == nil {
			if err := c.reconnect(ctx); err != nil {
				return err
			}
		}
		err := c.s.next(ctx, f, c.limit())
		switch {
		case err == nil:
			c.stamp(f)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF) && c.finite():
			return c.end()
		case c.ref.Kind == camera.File:
			return err
		}
		if err := c.lose(err); err != nil {
			return err
		}
	}
}

// limit is how long a frame may take; a file may take its time.
func (c *Capture) limit() time.Duration {
	if c.ref.Kind == camera.File {
		return 0
	}
	return c.o.ReadTimeout
}

// finite says whether the end of reading is the end of the recording. One that
// is served over the network knows its length; how many frames it counts may be
// more than it shows (edit lists) or less (a guessed rate).
func (c *Capture) finite() bool { return c.ref.Kind == camera.File || c.info.Frames > 0 }

func (c *Capture) end() error {
	c.tellLost()
	switch {
	case c.seq == 0:
		return fmt.Errorf("read video %q: no frame in it can be decoded (is it whole?): %w", c.ref, camera.ErrNoPicture)
	case c.ref.Kind == camera.Stream && c.taken < uint64(c.info.Frames):
		c.o.Log.Warn("the recording ended before its count of frames: it was cut, or the connection broke", "source", c.ref.String(), "frames", c.taken, "of", c.info.Frames)
	case c.cut():
		return lacking(fmt.Sprintf("read video %q: it ends after %d of %d frames (cut short?)", c.ref, c.here, c.info.Frames))
	}
	return io.EOF
}

// tellLost warns once of frames that could not be decoded. A failed read may
// also have met nothing but sound, so more than the container lacks are not told.
func (c *Capture) tellLost() {
	lost := c.s.lost
	if c.info.Frames > 0 {
		lost = min(lost, c.info.Frames-c.here)
	}
	if lost > 0 && !c.toldLost {
		c.toldLost = true
		c.o.Log.Warn("frames that could not be decoded were passed over", "source", c.ref.String(), "frames", lost)
	}
}

// cut says whether a file ends before its container says.
func (c *Capture) cut() bool { return c.info.Container != nil && c.info.Container.Short }

// lose drops the connection, and is an error where it must not come back.
func (c *Capture) lose(cause error) error {
	err := c.s.close()
	c.s = nil
	c.away.Store(true)
	why := "it sent no more frames"
	if errors.Is(cause, hang.ErrSlow) {
		why = fmt.Sprintf("no frame for %v", c.o.ReadTimeout)
	} else if cause != nil && !errors.Is(cause, io.EOF) {
		why = "its reader ended: " + cause.Error()
	}
	if !c.o.Reconnect {
		return errors.Join(fmt.Errorf("read %s %q: %s: %w", c.ref.Kind, c.ref, why, camera.ErrLost), err)
	}
	c.o.Log.Warn("source lost, trying again", "source", c.ref.String(), "why", why)
	return nil
}

// reconnect tries until the source is back or ctx ends.
func (c *Capture) reconnect(ctx context.Context) error {
	since := time.Now()
	for pause := c.o.Pause; ; pause = min(2*pause, lastPause) {
		if err := camera.Sleep(ctx, pause); err != nil {
			return err
		}
		err := c.connect(ctx)
		if err == nil {
			c.o.Log.Info("source is back", "source", c.ref.String(), "after", time.Since(since).Round(time.Millisecond))
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.o.Log.Debug("source still away", "source", c.ref.String(), "err", err)
	}
}

// stamp numbers f, with a gap for what was dropped on the way, and gives it its
// times. A file's own times count where they grow; a live source goes by this
// machine's clock.
func (c *Capture) stamp(f *camera.Frame) {
	if c.ref.Kind == camera.File {
		f.File = c.ref.Path
	}
	taken := max(f.Seq, c.taken+1)
	c.seq, c.taken = c.seq+taken-c.taken, taken
	c.here++
	f.Seq = c.seq
	if f.At.IsZero() {
		f.At = time.Now()
	}
	first := c.start.IsZero()
	if first {
		c.start, c.base = f.At, f.PTS
	}
	if c.ref.Live() {
		f.PTS = f.At.Sub(c.start)
		return
	}
	f.PTS -= c.base
	if !first && f.PTS <= c.last {
		f.PTS = c.after(c.last)
	}
	c.last = f.PTS
}

// after is the time of the frame after the one at t, where OpenCV gives none, as
// 4.6 does for the last frames of a stream whose frames are reordered.
func (c *Capture) after(t time.Duration) time.Duration {
	if c.info.Container != nil {
		for _, next := range c.info.Container.Last {
			if next > t+time.Millisecond {
				return next
			}
		}
	}
	return t + c.period()
}

// period is the time from one frame to the next.
func (c *Capture) period() time.Duration {
	if c.info.FPS <= 0 {
		return time.Second / 25
	}
	return time.Duration(float64(time.Second) / c.info.FPS)
}

// Close frees the source.
func (c *Capture) Close() error {
	if c.s == nil {
		return nil
	}
	err := c.s.close()
	c.s = nil
	return err
}
