package opencv

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"deixis/camera"
)

// An unreadable says which part of a source could not be read. It is
// camera.ErrNoPicture in other words.
type unreadable string

func (u unreadable) Error() string { return string(u) }

// Unwrap is camera.ErrNoPicture.
func (unreadable) Unwrap() error { return camera.ErrNoPicture }

// Images reads pictures one after the other, a second apart by their PTS. It
// belongs to one goroutine.
type Images struct {
	paths  []string
	most   int64 // pixels of one picture
	log    *slog.Logger
	n      int
	broken []string // names of those that could not be read
}

// NewImages makes a source of the pictures that ref names.
func NewImages(ref camera.Ref, o Options) *Images {
	o = o.filled()
	return &Images{paths: ref.Paths, most: o.MaxPixels, log: o.Log}
}

// Next decodes the next picture into f; io.EOF after the last. One that cannot
// be read is logged and passed over, and then the end is camera.ErrNoPicture
// with the names of all those. A source of one picture has the error of ReadImage.
func (s *Images) Next(ctx context.Context, f *camera.Frame) error {
	for s.n < len(s.paths) {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := s.paths[s.n]
		s.n++
		err := ReadImageWithin(path, s.most, f)
		if err == nil {
			f.Seq, f.At, f.PTS = uint64(s.n), time.Now(), time.Duration(s.n-1)*time.Second
			return nil
		}
		if len(s.paths) == 1 {
			return err
		}
		s.log.Warn("picture passed over", "file", path, "why", err)
		s.broken = append(s.broken, filepath.Base(path))
	}
	return s.end()
}

// mostNamed bounds the names in one error.
const mostNamed = 10

func (s *Images) end() error {
	if len(s.broken) == 0 {
		return io.EOF
	}
	names := strings.Join(s.broken[:min(mostNamed, len(s.broken))], ", ")
	if len(s.broken) > mostNamed {
		names += ", …"
	}
	return unreadable(fmt.Sprintf("%d of %d pictures could not be read: %s", len(s.broken), len(s.paths), names))
}

// Info knows how many pictures there are; their sizes may differ.
func (s *Images) Info() Info { return Info{FPS: 1, Frames: len(s.paths)} }

// Close does nothing: no file stays open.
func (s *Images) Close() error { return nil }
