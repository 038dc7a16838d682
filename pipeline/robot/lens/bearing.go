package lens

import (
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
