package lens

import (
	"errors"
	"fmt"
	"io"
	"math"

	"gopkg.in/yaml.v3"
)

// cameraInfo is a camera_info file as ROS's camera_calibration_parsers writes it.
type cameraInfo struct {
	Width  int `yaml:"image_width"`
	Height int `yaml:"image_height"`
	Matrix struct {
		Data []float64 `yaml:"data"`
	} `yaml:"camera_matrix"`
	Model        string `yaml:"distortion_model"`
	Coefficients struct {
		Data []float64 `yaml:"data"`
	} `yaml:"distortion_coefficients"`
}

// mostInfo is how many bytes of a file are read: a camera_info has about 1000.
const mostInfo = 64 << 10

// ReadCameraInfo reads a ROS camera_info file in YAML, with distortion plumb_bob or
// equidistant (also called fisheye). Errors are ErrLens and those of r.
func ReadCameraInfo(r io.Reader) (*Lens, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostInfo+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > mostInfo {
		return nil, fmt.Errorf("%w: longer than %d bytes, which no camera_info is", ErrLens, mostInfo)
	}
	var c cameraInfo
	if err := yaml.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLens, err)
	}
	return FromCalibration(c.Width, c.Height, c.Matrix.Data, c.Model, c.Coefficients.Data)
}

// FromCalibration is a camera as the fields of sensor_msgs/msg/CameraInfo tell of it: K row by
// row, and D as the model of that name has it. Its error is ErrLens.
func FromCalibration(width, height int, k []float64, model string, d []float64) (*Lens, error) {
	l := &Lens{Width: width, Height: height}
	if err := errors.Join(l.setMatrix(k), l.setDistortion(model, d), l.sized()); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Lens) sized() error {
	if l.Width < 1 || l.Height < 1 {
		return fmt.Errorf("%w: image_width %d, image_height %d", ErrLens, l.Width, l.Height)
	}
	return nil
}

// setMatrix takes K, row by row. ROS counts from the middle of the first pixel, and boxes
// from its corner: hence the half.
func (l *Lens) setMatrix(k []float64) error {
	if len(k) != 9 {
		return fmt.Errorf("%w: camera_matrix has %d numbers, not 9", ErrLens, len(k))
	}
	for _, v := range k {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: camera_matrix holds %v", ErrLens, v)
		}
	}
	if k[0] <= 0 || k[4] <= 0 {
		return fmt.Errorf("%w: focal lengths %v and %v (an uncalibrated camera says 0: calibrate it)", ErrLens, k[0], k[4])
	}
	l.FX, l.FY, l.CX, l.CY = k[0], k[4], k[2]+0.5, k[5]+0.5
	return nil
}

// setDistortion takes a model's name and its coefficients. None are no distortion.
func (l *Lens) setDistortion(name string, d []float64) error {
	most := 5
	switch name {
	case "plumb_bob", "":
		l.Model = PlumbBob
	case "equidistant", "fisheye":
		l.Model, most = Equidistant, 4
	default:
		return fmt.Errorf("%w: distortion_model %q (plumb_bob and equidistant are known)", ErrLens, name)
	}
	if len(d) > most || len(d) > 0 && len(d) < 4 {
		return fmt.Errorf("%w: %d distortion_coefficients for %s", ErrLens, len(d), name)
	}
	for i, v := range d {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: distortion_coefficients hold %v", ErrLens, v)
		}
		l.D[i] = v
	}
	return nil
}
