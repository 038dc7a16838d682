// Package opencv is where OpenCV touches cameras, recordings and pictures.
// No gocv type leaves it: everything in and out is a camera.Frame or bytes.
package opencv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"deixis/camera"
	"deixis/camera/container"
	"deixis/camera/rosbridge"
)

// FFmpeg's own lines would stand between ours. OpenCV reads the variable when
// it opens its first video; who wants the lines sets it.
func init() {
	const quiet = "OPENCV_FFMPEG_LOGLEVEL"
	if _, set := os.LookupEnv(quiet); !set {
		os.Setenv(quiet, "-8")
	}
}

// Options shape how a source is opened. The zero value is good.
type Options struct {
	Width, Height int     // asked of a device, pixels; 0 leaves its default
	FPS           float64 // asked of a device; 0 leaves its default
	Format        string  // asked of a device, four letters as MJPG or YUYV; "" leaves the choice

	MaxPixels int // of one picture, checked before it is decoded; 0 means MaxPixels

	OpenTimeout time.Duration // how long a device or stream may take to open; 0 means 10 s
	ReadTimeout time.Duration // how long it may take over one frame; 0 means 5 s
	Reconnect   bool          // a device or stream that is lost, or not there yet, is tried again until ctx ends
	Pause       time.Duration // before it is tried first, and twice as long each time up to 5 s; 0 means 0.5 s
	Log         *slog.Logger  // nil means slog.Default()

	At camera.Place // a recording or pictures are read on after this place; those read before it must be the same still

	From, To  time.Duration     // a recording or pictures are read from the first frame at or after From to the last before To, times from the first frame of all; To 0: to the end
	Whole     bool              // a file is decoded from its beginning up to From, and not jumped into
	Rosbridge rosbridge.Options // how the server of a ros:// source is talked to; its URL and Told are not looked at

	InProcess   bool          // read video in this process, which a decoder's crash then ends
	NoFrame     time.Duration // a reader that gives nothing for so long is ended; 0 means 10 s
	MaxResident int64         // a reader that holds more memory is ended, bytes; 0 means 2 GiB
}

func (o Options) filled() Options {
	if o.MaxPixels <= 0 {
		o.MaxPixels = MaxPixels
	}
	if o.OpenTimeout <= 0 {
		o.OpenTimeout = 10 * time.Second
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 5 * time.Second
	}
	if o.NoFrame <= 0 {
		o.NoFrame = 10 * time.Second
	}
	if o.MaxResident <= 0 {
		o.MaxResident = 2 << 30
	}
	if o.Pause <= 0 {
		o.Pause = firstPause
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Info is what is known of a source before its first frame.
type Info struct {
	Width, Height int     // pixels; 0 unknown
	FPS           float64 // frames a second; 0 unknown
	Frames        int     // how many there are in all; 0 unknown or without end
	Format        string  // four letters: of a device's pixels, or a file's codec; "" unknown

	Container *container.Facts // what a file says about itself; nil for other sources
}

// A Source is any source that Open opens. It belongs to one goroutine.
type Source interface {
	// Next fills f with the next frame, or returns io.EOF when there are no more.
	Next(ctx context.Context, f *camera.Frame) error
	Info() Info
	Range() Range
	Close() error
}

// Open opens what ref names. Its errors are camera.ErrNoDevice for a device
// that is missing or taken, camera.ErrLost for a stream that does not answer
// (neither with Options.Reconnect: then the first Next waits for them),
// camera.ErrNoPicture for a file that is neither video nor picture,
// camera.ErrChanged where Options.At is no place in the file, and that of ctx.
func Open(ctx context.Context, ref camera.Ref, o Options) (Source, error) {
	switch ref.Kind {
	case camera.Images:
		return NewImages(ref, o), nil
	case camera.TestPattern:
		p := camera.NewPattern(ref)
		p.Skip(max(o.At.Seq, uint64(math.Ceil(o.From.Seconds()*ref.FPS-1e-6))))
		return &pattern{Pattern: p, ref: ref, to: o.To}, nil
	case camera.Device, camera.File, camera.Stream:
		c, err := OpenCapture(ctx, ref, o)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
	return nil, fmt.Errorf("open source %q: kind %d is unknown", ref, ref.Kind)
}

// pattern is a camera.Pattern with what a Source needs besides.
type pattern struct {
	*camera.Pattern
	ref   camera.Ref
	to    time.Duration
	ended bool
}

// Next is Pattern's, up to Options.To.
func (p *pattern) Next(ctx context.Context, f *camera.Frame) error {
	err := p.Pattern.Next(ctx, f)
	if err == nil && p.to > 0 && f.PTS >= p.to {
		return io.EOF
	}
	p.ended = errors.Is(err, io.EOF)
	return err
}

func (p *pattern) Info() Info {
	return Info{Width: p.ref.Width, Height: p.ref.Height, FPS: p.ref.FPS, Frames: p.ref.Frames}
}

func (p *pattern) Range() Range { return Range{Ended: p.ended} }
func (p *pattern) Close() error { return nil }
