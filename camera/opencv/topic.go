package opencv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/camera"
	"deixis/camera/rosbridge"
)

// A topic is a topic of ROS that brings pictures. It is a handle.
type topic struct {
	ref    camera.Ref
	o      Options
	images *rosbridge.Images
	stamps *rosbridge.Stamps
	first  camera.Frame // read while it was opened; not handed out yet while it has pixels
	info   Info
	broken int // pictures that could not be decoded

	ctx  context.Context // of Read
	stop context.CancelFunc
}

// openTopic subscribes, and waits for the first picture: until then nothing is known
// of the camera. stamps get the header of each picture.
func openTopic(ctx context.Context, ref camera.Ref, o Options, stamps *rosbridge.Stamps) (*topic, error) {
	r := o.Rosbridge
	r.Told = func(level, text string) {
		o.Log.Warn("the rosbridge server says", "source", ref.String(), "level", level, "text", text)
	}
	images, err := rosbridge.OpenImages(ctx, ref.Path, r)
	if err != nil {
		return nil, fmt.Errorf("open %s %q: %w: %w", ref.Kind, ref, err, camera.ErrLost)
	}
	t := &topic{ref: ref, o: o, images: images, stamps: stamps}
	t.ctx, t.stop = context.WithCancel(context.Background())
	if err := t.take(ctx, &t.first); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s %q: %w: %w", ref.Kind, ref, err, camera.ErrLost), t.Close())
	}
	t.info = Info{Width: t.first.Width, Height: t.first.Height}
	return t, nil
}

// take fills f with the next picture that can be decoded. One that cannot costs
// nothing but itself.
func (t *topic) take(ctx context.Context, f *camera.Frame) error {
	for {
		p, err := t.images.Next(ctx)
		if err == nil {
			err = decodeWithin(p.Data, t.o.MaxPixels, f)
		} else if !errors.Is(err, rosbridge.ErrImage) {
			return err
		}
		if err == nil {
			f.Seq, f.At, f.PTS = p.Number, p.At, time.Duration(p.Header.Stamp.Time().UnixNano())
			t.stamps.Add(p.At, p.Header)
			return nil
		}
		t.broken++
		if t.broken == 1 {
			t.o.Log.Warn("a picture of the topic cannot be read and is passed over, as others will be", "source", t.ref.String(), "why", err)
		}
	}
}

func (t *topic) Read(f *camera.Frame) error {
	if t.first.Pix != nil {
		*f, t.first = t.first, camera.Frame{}
		return nil
	}
	if err := t.take(t.ctx, f); err != nil {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return nil
}

func (t *topic) Info() Info { return t.info }

// Lost counts pictures that could not be decoded.
func (t *topic) Lost() int { return t.broken }

// Abort ends a Read under way, from any goroutine.
func (t *topic) Abort() { t.stop() }

func (t *topic) Close() error {
	t.stop()
	t.images.Close()
	return nil
}

// Header is that of the picture of a ROS topic that Next gave with the time at, if it
// is still known. Any goroutine may ask.
func (c *Capture) Header(at time.Time) (rosbridge.Header, bool) {
	if c.stamps == nil {
		return rosbridge.Header{}, false
	}
	return c.stamps.Header(at)
}
