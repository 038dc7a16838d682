package robot

import (
	"time"

	"deixis/pipeline/robot/lens"
)

// The angular rate is the slope of the line of least squares through the bearings of
// this long: short enough to follow a turn, long enough that a box that trembles does not shake it.
const (
	rateWindow = 300 * time.Millisecond
	rateLeast  = 3 // bearings
)

// A rateMeter takes the bearings of one target by the time they were taken.
type rateMeter struct {
	track   int
	samples []bearingAt // oldest first
}

type bearingAt struct {
	at     time.Time
	az, el float64
}

// add takes one more bearing and is the rate with it; nil while there are too few. The
// same picture counts once.
func (r *rateMeter) add(track int, at time.Time, b *lens.Bearing) *Rate {
	if b == nil || track != r.track {
		r.samples = r.samples[:0]
	}
	if r.track = track; b == nil {
		return nil
	}
	if n := len(r.samples); n == 0 || at.After(r.samples[n-1].at) {
		r.samples = append(r.samples, bearingAt{at, b.Azimuth, b.Elevation})
	}
	old := 0
	for at.Sub(r.samples[old].at) > rateWindow {
		old++
	}
	r.samples = append(r.samples[:0], r.samples[old:]...)
	return r.slope()
}

func (r *rateMeter) slope() *Rate {
	n := float64(len(r.samples))
	if n < rateLeast {
		return nil
	}
	first := r.samples[0]
	var t, az, el float64
	for _, s := range r.samples {
		t, az, el = t+s.at.Sub(first.at).Seconds()/n, az+s.az/n, el+s.el/n
	}
	var tt, taz, tel float64
	for _, s := range r.samples {
		d := s.at.Sub(first.at).Seconds() - t
		tt, taz, tel = tt+d*d, taz+d*(s.az-az), tel+d*(s.el-el)
	}
	return &Rate{Azimuth: radians(taz / tt), Elevation: radians(tel / tt)}
}
