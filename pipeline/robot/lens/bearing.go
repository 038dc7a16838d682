package lens

import (
	"math"

	"deixis/model"
)

// A Bearing is where a box lies, radians: azimuth is positive to the right,
// elevation upwards.
type Bearing struct {
	Azimuth, Elevation       float64 // of the box's centre
	Left, Right, Top, Bottom float64 // of the middle of each edge: azimuths, then elevations
}

// Bearing is where b lies, which is in pixels of this lens's picture. It is false
// where the model has no such direction.
func (l *Lens) Bearing(b model.Box) (Bearing, bool) {
	cx, cy := float64(b.X1+b.X2)/2, float64(b.Y1+b.Y2)/2
	var rays [5]Ray
	for i, p := range [5][2]float64{{cx, cy}, {float64(b.X1), cy}, {float64(b.X2), cy}, {cx, float64(b.Y1)}, {cx, float64(b.Y2)}} {
		r, ok := l.Ray(p[0], p[1])
		if !ok {
			return Bearing{}, false
		}
		rays[i] = r
	}
	return Bearing{
		Azimuth: rays[0].Azimuth(), Elevation: rays[0].Elevation(),
		Left: rays[1].Azimuth(), Right: rays[2].Azimuth(), Top: rays[3].Elevation(), Bottom: rays[4].Elevation(),
	}, true
}

// Distance is how far away a thing is whose box is b, metres along the ray through the
// box's centre. It is size metres high, or wide, stands upright in the picture and faces the
// camera. It is false where the picture cannot tell: beyond 80 degrees from the axis, and
// where the box leaves the picture, which hides how large it is.
//
// Seen from the camera, a thing of height h at the horizontal distance d reaches from elevation
// b to t with h = d (tan t - tan b), and one of width w over an azimuth of 2 atan(w / 2d).
func (l *Lens) Distance(b model.Box, size float64, wide bool) (float64, bool) {
	if wide && (b.X1 <= 0 || b.X2 >= float32(l.Width)) || !wide && (b.Y1 <= 0 || b.Y2 >= float32(l.Height)) {
		return 0, false
	}
	at, ok := l.Bearing(b)
	const most = 80 * math.Pi / 180
	if !ok || max(math.Abs(at.Left), math.Abs(at.Right), math.Abs(at.Top), math.Abs(at.Bottom)) > most {
		return 0, false
	}
	across := math.Tan(at.Top) - math.Tan(at.Bottom)
	if wide {
		across = 2 * math.Tan((at.Right-at.Left)/2)
	}
	if across <= 0 {
		return 0, false
	}
	return size / across / math.Cos(at.Elevation), true
}
