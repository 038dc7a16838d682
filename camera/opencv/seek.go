package opencv

import (
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// lead is how far before a place the container's index is asked to jump: decoders
// need some frames before what they show is whole, and FFmpeg's times of the first
// ones after a jump may be guesses.
const lead = 2 * time.Second

// A placed is a video of this process that was told where to go on.
type placed struct {
	*video
	base  time.Duration
	found bool
}

// Found says whether it stands there.
func (p *placed) Found() (time.Duration, bool) { return p.base, p.found }

// seek brings v to where the next frame is the one after at, by the container's index.
// It has found the place where a frame has that time and those pixels; its first result
// is OpenCV's time of the first frame. Where it has not, v stands anywhere. working is
// told now and then; only its errors are returned.
func (v *video) seek(at camera.Place, working func() error) (base time.Duration, found bool, err error) {
	var f camera.Frame
	if v.Read(&f) != nil {
		return 0, false, nil
	}
	base = f.PTS
	if v.lost > 0 { // times after a frame that was lost may not be those of other frames
		return 0, false, nil
	}
	if to := at.PTS - lead; to > lead {
		v.dev.Set(gocv.VideoCapturePosMsec, float64(base+to)/float64(time.Millisecond))
	}
	for n := 1; ; n++ {
		if f.PTS-base == at.PTS && f.Checksum() == at.Sum {
			break
		}
		if f.PTS-base > at.PTS {
			return 0, false, nil
		}
		if n%25 == 0 {
			if err := working(); err != nil {
				return 0, false, err
			}
		}
		if err := v.decode(&f); err != nil {
			return 0, false, nil
		}
	}
	for n := 1000; v.sizes != nil && v.sizes.read < int(at.Seq); n += 1000 {
		before := v.sizes.read
		for v.sizes.until(min(n, int(at.Seq))) != nil {
		}
		if v.sizes.read == before { // fewer packets than pictures: nothing is known of sizes
			break
		}
		if err := working(); err != nil {
			return 0, false, err
		}
	}
	v.read = int(at.Seq)
	return base, true, nil
}
