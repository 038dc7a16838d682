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
	n, to  int
	broken []string // names of those that could not be read
	ended  bool
}

// NewImages makes a source of the pictures that ref names, and warns once of
// what their folder holds besides and is not read.
func NewImages(ref camera.Ref, o Options) *Images {
	o = o.filled()
	if n := len(ref.Skipped); n > 0 {
		o.Log.Warn("pictures that are not read", "source", ref.String(), "count", n, "files", camera.Names(ref.Skipped))
	}
	s := &Images{ref: ref, most: o.MaxPixels, log: o.Log, n: max(int(o.At.Seq), indexAt(o.From)), to: len(ref.Paths), broken: slices.Clone(o.At.Passed)}
	if o.To > 0 {
		s.to = min(s.to, indexAt(o.To))
	}
	return s
}

// Next decodes the next picture into f; io.EOF after the last. One that cannot
// be read is logged and passed over, and then the end is camera.ErrNoPicture
// with the names of all those. A source of one picture has the error of ReadImage.
func (s *Images) Next(ctx context.Context, f *camera.Frame) error {
	for s.n < s.to {
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
	if s.to < len(s.ref.Paths) {
		return io.EOF
	}
	s.ended = true
	if err := Lacking(s.ref, s.broken); err != nil {
		return err
	}
	return io.EOF
}

// indexAt is the first picture at or after a time, counted from 0: they are a second apart.
func indexAt(t time.Duration) int { return int((t + time.Second - 1) / time.Second) }

// Lacking is how reading the pictures of ref ends, of which those of these names could
// not be read; nil where there are none.
func Lacking(ref camera.Ref, broken []string) error {
	if len(broken) == 0 {
		return nil
	}
	return lacking(fmt.Sprintf("%d of %d pictures could not be read: %s", len(broken), len(ref.Paths), camera.Names(broken)))
}

// Range says whether the last picture was met. Of which pictures come before, nothing is
// known: they need not be read.
func (s *Images) Range() Range { return Range{Ended: s.ended} }

// Info knows how many pictures there are; their sizes may differ.
func (s *Images) Info() Info { return Info{FPS: 1, Frames: len(s.ref.Paths)} }

// Close does nothing: no file stays open.
func (s *Images) Close() error { return nil }
