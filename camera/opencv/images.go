package opencv

import (
	"context"
	"io"
	"time"

	"deixis/camera"
)

// Images reads pictures one after the other, a second apart by their PTS. It
// belongs to one goroutine.
type Images struct {
	paths []string
	n     int
}

// NewImages makes a source of the pictures that ref names.
func NewImages(ref camera.Ref) *Images { return &Images{paths: ref.Paths} }

// Next decodes the next picture into f, see ReadImage for errors; io.EOF after
// the last. A picture that cannot be read is passed over by the next call.
func (s *Images) Next(ctx context.Context, f *camera.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.n >= len(s.paths) {
		return io.EOF
	}
	path := s.paths[s.n]
	s.n++
	if err := ReadImage(path, f); err != nil {
		return err
	}
	f.Seq, f.At, f.PTS = uint64(s.n), time.Now(), time.Duration(s.n-1)*time.Second
	return nil
}

// Path names the file of the picture that Next read last.
func (s *Images) Path() string {
	if s.n == 0 {
		return ""
	}
	return s.paths[s.n-1]
}

// Info knows how many pictures there are; their sizes may differ.
func (s *Images) Info() Info { return Info{FPS: 1, Frames: len(s.paths)} }

// Close does nothing: no file stays open.
func (s *Images) Close() error { return nil }
