package robot

import (
	"errors"
	"fmt"
	"time"

	"deixis/model"
	"deixis/pipeline/robot/lens"
)

// A Law says how a camera is turned after its target, a PD law for each of pan and
// tilt:
//
//	speed = P angle + D rate, at most Most, and changed by at most Accel a second
//
// angle is the bearing of the box's centre and rate its change, as the camera
// sees it. Without a locked target the speed is 0 at once.
type Law struct {
	P     float64 // speed for each radian off, 1/s
	D     float64 // speed for each radian a second
	Most  float64 // greatest speed, rad/s
	Accel float64 // greatest change of speed, rad/s^2
}

// DefaultLaw suits a pan-tilt head and a delay of up to 0.3 s from light to speed: P times the
// delay stays below 0.6, where a loop with nothing but a delay begins to swing at 1.57.
var DefaultLaw = Law{P: 2, D: 0.15, Most: 1, Accel: 8}

// Validate names what cannot be.
func (l *Law) Validate() error {
	var errs []error
	for _, s := range []struct {
		name  string
		value float64
		zero  bool
	}{{"p", l.P, false}, {"d", l.D, true}, {"most", l.Most, false}, {"accel", l.Accel, false}} {
		if !(s.value > 0 && s.value < 1e6 || s.zero && s.value == 0) {
			errs = append(errs, fmt.Errorf("follow %s %v: it must be above 0", s.name, s.value))
		}
	}
	return errors.Join(errs...)
}

// Follow says how to turn a camera after its target. All are 0 without a locked one.
type Follow struct {
	PanError  float64 `json:"pan_error"`  // of the box's centre from the picture's, -1..1 from edge to edge, positive to the right
	TiltError float64 `json:"tilt_error"` // positive upwards
	PanRate   float64 `json:"pan_rate"`   // suggested speed, rad/s, positive to the right
	TiltRate  float64 `json:"tilt_rate"`  // positive upwards
}

// longestStep is the time between two pictures by which speeds change at most: after a
// pause they begin slowly.
const longestStep = 200 * time.Millisecond

// A follower applies the law to one picture after the other.
type follower struct {
	Law
	at        time.Time // of the newest
	pan, tilt float64   // speeds, rad/s
}

func (f *follower) stop() { f.pan, f.tilt, f.at = 0, 0, time.Time{} }

// step is the law's answer to a locked target in the picture taken at at.
func (f *follower) step(at time.Time, box model.Box, size [2]int, b *lens.Bearing, rate *Rate) *Follow {
	dt := longestStep
	if !f.at.IsZero() {
		dt = min(max(0, at.Sub(f.at)), longestStep)
	}
	f.at = at
	var known Rate
	if rate != nil {
		known = *rate
	}
	f.pan = f.towards(f.pan, b.Azimuth, known.Azimuth, dt)
	f.tilt = f.towards(f.tilt, b.Elevation, known.Elevation, dt)
	w, h := float64(size[0]), float64(size[1])
	return &Follow{
		PanError: model.Round((float64(box.X1)+float64(box.X2)-w)/w, 4), TiltError: model.Round((h-float64(box.Y1)-float64(box.Y2))/h, 4),
		PanRate: radians(f.pan), TiltRate: radians(f.tilt),
	}
}

// towards is the next speed after now.
func (f *follower) towards(now, angle, rate float64, dt time.Duration) float64 {
	want := min(max(f.P*angle+f.D*rate, -f.Most), f.Most)
	by := f.Accel * dt.Seconds()
	return min(max(want, now-by), now+by)
}
