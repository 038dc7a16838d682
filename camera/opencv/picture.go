package opencv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// ReadImage decodes the picture in a file into f, in colour and turned the way
// its EXIF orientation says. A file that is no picture is camera.ErrNoPicture.
func ReadImage(path string, f *camera.Frame) error {
	file, err := os.Open(path) // OpenCV would say no more than "empty"
	if err != nil {
		return fmt.Errorf("read picture: %w", err)
	}
	file.Close()
	mat := gocv.IMRead(path, gocv.IMReadColor)
	defer mat.Close()
	if mat.Empty() {
		return fmt.Errorf("read picture %q: OpenCV cannot decode it (cut short, or another kind of file?): %w", path, camera.ErrNoPicture)
	}
	if err := copyOut(&mat, nil, f); err != nil {
		return fmt.Errorf("read picture %q: %w", path, err)
	}
	return nil
}

// WriteImage encodes f into a file; its extension says as what.
func WriteImage(path string, f *camera.Frame) error {
	ext := strings.ToLower(filepath.Ext(path))
	if strings.Trim(ext, ".") == "" {
		return fmt.Errorf("write picture %q: no extension says as what (name it .jpg or .png)", path)
	}
	mat, err := over(f)
	if err != nil {
		return fmt.Errorf("write picture %q: %w", path, err)
	}
	defer mat.Close()
	buf, err := gocv.IMEncode(gocv.FileExt(ext), mat)
	if err != nil {
		return fmt.Errorf("write picture %q: OpenCV cannot encode %s (name it .jpg or .png)", path, ext)
	}
	defer buf.Close()
	if err := os.WriteFile(path, buf.GetBytes(), 0o644); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// EncodeJPEG is f as a JPEG of quality 1 to 100.
func EncodeJPEG(f *camera.Frame, quality int) ([]byte, error) {
	mat, err := over(f)
	if err != nil {
		return nil, fmt.Errorf("encode jpeg: %w", err)
	}
	defer mat.Close()
	buf, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, mat, []int{gocv.IMWriteJpegQuality, min(max(quality, 1), 100)})
	if err != nil {
		return nil, fmt.Errorf("encode jpeg: %w", err)
	}
	defer buf.Close()
	return append([]byte(nil), buf.GetBytes()...), nil
}

// A Squarer stretches frames to the network's square and keeps its memory from
// call to call. It may be called from several goroutines, one at a time works.
type Squarer struct {
	mu          sync.Mutex
	half, small gocv.Mat
}

// NewSquarer makes a Squarer. The caller closes it.
func NewSquarer() *Squarer { return &Squarer{half: gocv.NewMat(), small: gocv.NewMat()} }

// Square stretches f to side by side pixels, averaging areas as the trainer's
// resize does, and packs the rows into rgb as red, green, blue. len(rgb) must
// be 3*side*side.
func (s *Squarer) Square(f *camera.Frame, side int, rgb []byte) error {
	if side < 1 || len(rgb) != 3*side*side {
		return fmt.Errorf("stretch frame: %d bytes do not hold %dx%d pixels", len(rgb), side, side)
	}
	mat, err := over(f)
	if err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	defer mat.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	from := &mat
	if f.Width >= 2*side && f.Height >= 2*side {
		// Halving is the one size for which OpenCV averages with all lanes of the
		// processor. It more than halves the cost of a 1080p frame, for a difference
		// of half a step of 255 in the mean.
		if err := gocv.Resize(mat, &s.half, size(f.Width/2, f.Height/2), 0, 0, gocv.InterpolationArea); err != nil {
			return fmt.Errorf("stretch frame: %w", err)
		}
		from = &s.half
	}
	if err := gocv.Resize(*from, &s.small, size(side, side), 0, 0, gocv.InterpolationArea); err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	bgr, err := s.small.DataPtrUint8()
	if err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	for i := 0; i+2 < len(rgb); i += 3 {
		rgb[i], rgb[i+1], rgb[i+2] = bgr[i+2], bgr[i+1], bgr[i]
	}
	return nil
}

// Close frees the memory.
func (s *Squarer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.half.Close(), s.small.Close())
}
