package opencv

import (
	"errors"
	"fmt"
	"sync"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// A Squarer stretches frames to the network's square and keeps its memory from
// call to call. It may be called from several goroutines, one at a time works.
type Squarer struct {
	mu                 sync.Mutex
	half, twice, small gocv.Mat
}

// NewSquarer makes a Squarer. The caller closes it.
func NewSquarer() *Squarer {
	return &Squarer{half: gocv.NewMat(), twice: gocv.NewMat(), small: gocv.NewMat()}
}

// Square stretches f to side by side pixels, within a step or so of the means
// over areas that the trainer's resize takes, and packs the rows into rgb as
// red, green, blue. len(rgb) must be 3*side*side.
func (s *Squarer) Square(f *camera.Frame, side int, rgb []byte) error {
	if side < 1 || len(rgb) != 3*side*side {
		return fmt.Errorf("stretch frame: %d bytes do not hold %dx%d pixels", len(rgb), side, side)
	}
	from, err := over(f)
	if err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	defer from.Close()
	to, err := gocv.NewMatFromBytes(side, side, gocv.MatTypeCV8UC3, rgb)
	if err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	defer to.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.shrink(&from, side); err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	if err := gocv.CvtColor(s.small, &to, gocv.ColorBGRToRGB); err != nil {
		return fmt.Errorf("stretch frame: %w", err)
	}
	return nil
}

// shrink makes s.small of from, by steps for which OpenCV has code for all lanes
// of the processor, which its means over areas of any other size have not:
// halving, and reading between pixels. That takes a sixth of the time for a frame of
// 640x480 and half of it for one of 1080p.
func (s *Squarer) shrink(from *gocv.Mat, side int) error {
	w, h := from.Cols(), from.Rows()
	if w < side || h < side {
		return gocv.Resize(*from, &s.small, size(side, side), 0, 0, gocv.InterpolationArea)
	}
	if w <= 2*side && h <= 2*side {
		return gocv.Resize(*from, &s.small, size(side, side), 0, 0, gocv.InterpolationLinear)
	}
	for max(w, h) > 4*side && min(w, h) >= 2*side { // reading between pixels would pass over whole ones
		w, h = w/2, h/2
		if err := gocv.Resize(*from, &s.half, size(w, h), 0, 0, gocv.InterpolationArea); err != nil {
			return err
		}
		from = &s.half
	}
	if err := gocv.Resize(*from, &s.twice, size(2*side, 2*side), 0, 0, gocv.InterpolationLinear); err != nil {
		return err
	}
	return gocv.Resize(s.twice, &s.small, size(side, side), 0, 0, gocv.InterpolationArea)
}

// Close frees the memory.
func (s *Squarer) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.half.Close(), s.twice.Close(), s.small.Close())
}
