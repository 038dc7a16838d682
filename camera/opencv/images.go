package opencv

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"deixis/camera"
)

// An unreadable says which part of a source could not be read. It is
// camera.ErrNoPicture in other words.
type unreadable string

func (u unreadable) Error() string { return string(u) }

// Unwrap is camera.ErrNoPicture.
func (unreadable) Unwrap() error { return camera.ErrNoPicture }

// A lacking says which part of a source is missing, all else of which was read.
type lacking string

func (l lacking) Error() string { return string(l) }

// Unwrap lets callers tell it apart.
func (lacking) Unwrap() []error { return []error{camera.ErrNoPicture, camera.ErrLacking} }

// Images reads pictures one after the other, a second apart by their PTS. It
// belongs to one goroutine.
type Images struct {
	ref    camera.Ref
	most   int // pixels of one picture
	log    *slog.Logger
	n      int
	broken []string // names of those that could not be read
}

// NewImages makes a source of the pictures that ref names, and warns once of
// what their folder holds besides and is not read.
func NewImages(ref camera.Ref, o Options) *Images {
	o = o.filled()
	if n := len(ref.Skipped); n > 0 {
		o.Log.Warn("pictures that are not read", "source", ref.String(), "count", n, "files", camera.Names(ref.Skipped))
	}
	return &Images{ref: ref, most: o.MaxPixels, log: o.Log, n: int(o.At.Seq), broken: slices.Clone(o.At.Passed)}
}

// Next decodes the next picture into f; io.EOF after the last. One that cannot
// be read is logged and passed over, and then the end is camera.ErrNoPicture
// with the names of all those. A source of one picture has the error of ReadImage.
func (s *Images) Next(ctx context.Context, f *camera.Frame) error {
	for s.n < len(s.ref.Paths) {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := s.ref.Paths[s.n]
		s.n++
		err := ReadImageWithin(path, s.most, f)
		if err == nil {
			f.Seq, f.At, f.PTS = uint64(s.n), time.Now(), time.Duration(s.n-1)*time.Second
			f.File, f.Cut = s.ref.Name(path), s.ref.Unrelated()
			return nil
		}
		if len(s.ref.Paths) == 1 {
			return err
		}
		s.log.Warn("picture passed over", "file", path, "why", err)
		s.broken = append(s.broken, s.ref.Name(path))
	}
	return s.end()
}

func (s *Images) end() error {
	if len(s.broken) == 0 {
		return io.EOF
	}
	return lacking(fmt.Sprintf("%d of %d pictures could not be read: %s", len(s.broken), len(s.ref.Paths), camera.Names(s.broken)))
}

// Info knows how many pictures there are; their sizes may differ.
func (s *Images) Info() Info { return Info{FPS: 1, Frames: len(s.ref.Paths)} }

// Close does nothing: no file stays open.
func (s *Images) Close() error { return nil }
