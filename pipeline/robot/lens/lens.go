// Package lens turns pixels into directions and sizes into distances: what a camera's
// intrinsics and distortion say of where a box lies.
//
// Directions are in the optical frame of ROS REP 103: z forward, x to the right, y
// down. Azimuth is the turn about y and elevation the turn about x, both right-handed:
// azimuth is positive to the right, elevation is positive upwards.
package lens

import (
	"errors"
	"fmt"
	"math"
)

// ErrLens says that what is told of a camera cannot be.
var ErrLens = errors.New("not a camera that can be")

// A Model is how a lens bends light.
type Model int

// The models, by their names in a ROS camera_info.
const (
	PlumbBob    Model = iota // radial and tangential (Brown 1966): k1, k2, p1, p2, k3
	Equidistant              // fisheye (Kannala and Brandt 2006): k1, k2, k3, k4 of the angle
)

// A Lens is a calibrated camera. Its methods may be called from any goroutine.
type Lens struct {
	Width, Height  int        // pixels of the pictures it was calibrated with; 0 fits every size
	FX, FY, CX, CY float64    // focal lengths and principal point, pixels
	Model          Model      // how D is read
	D              [5]float64 // coefficients; Equidistant has four

	fov float64 // of FromFOV: the rest follows from the size of the picture
}

// FromFOV is a camera without distortion whose pictures are degrees wide, whatever
// their size in pixels; the principal point is the middle.
func FromFOV(degrees float64) (*Lens, error) {
	if !(degrees > 0 && degrees < 180) {
		return nil, fmt.Errorf("%w: a field of view of %v degrees (more than 0, less than 180)", ErrLens, degrees)
	}
	return &Lens{fov: degrees * math.Pi / 180}, nil
}

// For is the lens for pictures of w by h pixels: the same one, scaled where the camera
// gives its pictures smaller or larger than it was calibrated with. A picture of
// another shape is refused: what was cut away is not known.
func (l *Lens) For(w, h int) (*Lens, error) {
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("%w: a picture of %dx%d pixels", ErrLens, w, h)
	}
	if l.fov > 0 {
		f := float64(w) / 2 / math.Tan(l.fov/2)
		return &Lens{Width: w, Height: h, FX: f, FY: f, CX: float64(w) / 2, CY: float64(h) / 2}, nil
	}
	if l.Width == w && l.Height == h {
		return l, nil
	}
	sx, sy := float64(w)/float64(l.Width), float64(h)/float64(l.Height)
	// Half a pixel in the shorter side is what rounding to whole pixels may do.
	if math.Abs(sx/sy-1) > 0.5/float64(min(w, h, l.Width, l.Height)) {
		return nil, fmt.Errorf("%w: calibrated with %dx%d pixels, and the pictures have %dx%d, which is another shape", ErrLens, l.Width, l.Height, w, h)
	}
	s := *l
	s.Width, s.Height = w, h
	s.FX, s.CX, s.FY, s.CY = l.FX*sx, l.CX*sx, l.FY*sy, l.CY*sy
	return &s, nil
}

// A Ray is a direction in the optical frame, of length 1.
type Ray struct{ X, Y, Z float64 }

// Azimuth is the turn to the right, radians.
func (r Ray) Azimuth() float64 { return math.Atan2(r.X, r.Z) }

// Elevation is the turn upwards from the horizontal plane, radians.
func (r Ray) Elevation() float64 { return math.Atan2(-r.Y, math.Hypot(r.X, r.Z)) }

// Ray is where the light came from that fell on (u, v), pixels of a picture in which
// the middle of the first pixel is (0.5, 0.5). It is false where the model has no such
// direction.
func (l *Lens) Ray(u, v float64) (Ray, bool) {
	x, y := (u-l.CX)/l.FX, (v-l.CY)/l.FY
	if l.Model == Equidistant {
		return l.fromEquidistant(x, y)
	}
	x, y, ok := l.undistort(x, y)
	if !ok {
		return Ray{}, false
	}
	n := math.Sqrt(x*x + y*y + 1)
	return Ray{x / n, y / n, 1 / n}, true
}

// project is where light from (x, y, z) falls: what Ray inverts. It is false behind a
// camera whose lens is no fisheye.
func (l *Lens) project(x, y, z float64) (u, v float64, ok bool) {
	if l.Model == Equidistant {
		across := math.Hypot(x, y)
		a := math.Atan2(across, z)
		if across > 0 {
			a2 := a * a
			bent := a * (1 + a2*(l.D[0]+a2*(l.D[1]+a2*(l.D[2]+a2*l.D[3])))) / across
			x, y = x*bent, y*bent
		}
		return l.FX*x + l.CX, l.FY*y + l.CY, true
	}
	if z <= 0 {
		return 0, 0, false
	}
	x, y = x/z, y/z
	k1, k2, p1, p2, k3 := l.D[0], l.D[1], l.D[2], l.D[3], l.D[4]
	r2 := x*x + y*y
	radial := 1 + r2*(k1+r2*(k2+r2*k3))
	u = x*radial + 2*p1*x*y + p2*(r2+2*x*x)
	v = y*radial + p1*(r2+2*y*y) + 2*p2*x*y
	return l.FX*u + l.CX, l.FY*v + l.CY, true
}

// Both inversions are Newton's method, which doubles its digits with each step: as
// many steps as these mean that it does not converge.
const (
	mostSteps = 50
	exact     = 1e-10 // of the normalised plane; a pixel is about 1e-3 of it
)

// undistort inverts plumb_bob (OpenCV's projectPoints):
//
//	x' = x (1 + k1 r2 + k2 r2^2 + k3 r2^3) + 2 p1 x y + p2 (r2 + 2 x^2)
//	y' = y (1 + k1 r2 + k2 r2^2 + k3 r2^3) + p1 (r2 + 2 y^2) + 2 p2 x y,  r2 = x^2 + y^2
func (l *Lens) undistort(xd, yd float64) (x, y float64, ok bool) {
	k1, k2, p1, p2, k3 := l.D[0], l.D[1], l.D[2], l.D[3], l.D[4]
	x, y = xd, yd
	for range mostSteps {
		r2 := x*x + y*y
		radial := 1 + r2*(k1+r2*(k2+r2*k3))
		slope := k1 + r2*(2*k2+r2*3*k3) // of radial over r2
		ex := x*radial + 2*p1*x*y + p2*(r2+2*x*x) - xd
		ey := y*radial + p1*(r2+2*y*y) + 2*p2*x*y - yd
		xx := radial + 2*x*x*slope + 2*p1*y + 6*p2*x
		xy := 2*x*y*slope + 2*p1*x + 2*p2*y
		yy := radial + 2*y*y*slope + 6*p1*y + 2*p2*x
		det := xx*yy - xy*xy
		if det <= 0 { // beyond where the model turns back on itself
			return 0, 0, false
		}
		if math.Abs(ex)+math.Abs(ey) < exact {
			return x, y, true
		}
		x -= (yy*ex - xy*ey) / det
		y -= (xx*ey - xy*ex) / det
	}
	return 0, 0, false
}

// fromEquidistant inverts the fisheye model (OpenCV's fisheye::projectPoints), where a is the angle
// to the axis and r the distance to the principal point:
//
//	r = a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8)
func (l *Lens) fromEquidistant(x, y float64) (Ray, bool) {
	r := math.Hypot(x, y)
	if r < exact {
		return Ray{0, 0, 1}, true
	}
	a := r
	for range mostSteps {
		a2 := a * a
		err := a*(1+a2*(l.D[0]+a2*(l.D[1]+a2*(l.D[2]+a2*l.D[3])))) - r
		slope := 1 + a2*(3*l.D[0]+a2*(5*l.D[1]+a2*(7*l.D[2]+a2*9*l.D[3])))
		if slope <= 0 || a < 0 || a > math.Pi {
			return Ray{}, false
		}
		if math.Abs(err) < exact {
			return Ray{math.Sin(a) * x / r, math.Sin(a) * y / r, math.Cos(a)}, true
		}
		a -= err / slope
	}
	return Ray{}, false
}
