package opencv

import (
	"io"
	"strings"

	"gocv.io/x/gocv"

	"deixis/camera"
	"deixis/camera/container"
)

// OpenCV's numbers of two settings that gocv does not name.
const (
	orientationMeta gocv.VideoCaptureProperties = 48
	orientationAuto gocv.VideoCaptureProperties = 49
)

// factsOf is what a video file says about itself; it knows nothing of one that cannot be read.
func factsOf(path string) *container.Facts {
	facts := new(container.Facts)
	f, err := camera.OpenRegular(path)
	if err != nil {
		return facts
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		*facts = container.Read(f, info.Size())
	}
	return facts
}

// takeTurn takes the turning of pictures out of OpenCV's hands, whose versions turn different
// ways, and returns by how many degrees clockwise a decoded picture must be turned. A file
// says so itself; of a stream OpenCV's own angle is taken.
func takeTurn(dev *gocv.VideoCapture, facts *container.Facts) int {
	meta := int(dev.Get(orientationMeta))
	dev.Set(orientationAuto, 0)
	if facts != nil {
		return facts.Turn
	}
	return metaTurn(gocv.OpenCVVersion(), meta)
}

// metaTurn is the turn, degrees clockwise, that an angle of CAP_PROP_ORIENTATION_META means.
// OpenCV 4.6.0 alone counts anticlockwise (github.com/opencv/opencv/issues/22088).
func metaTurn(version string, angle int) int {
	if strings.HasPrefix(version, "4.6.0") {
		angle = -angle
	}
	return ((angle%360 + 360) % 360) / 90 * 90
}

// upright decodes the next picture into mat, turned as its source asks for. Its error is
// io.EOF where there is none.
func (v *video) upright(mat *gocv.Mat) error {
	to := mat
	if v.turn != 0 {
		to = &v.lying
	}
	if !v.dev.Read(to) || to.Empty() {
		return io.EOF
	}
	switch v.turn {
	case 90:
		return gocv.Rotate(v.lying, mat, gocv.Rotate90Clockwise)
	case 180:
		return gocv.Rotate(v.lying, mat, gocv.Rotate180Clockwise)
	case 270:
		return gocv.Rotate(v.lying, mat, gocv.Rotate90CounterClockwise)
	}
	return nil
}
