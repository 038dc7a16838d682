package opencv

import (
	"context"
	"errors"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// lead is how far before a place the container's index is asked to jump: decoders
// need some frames before what they show is whole, and FFmpeg's times of the first
// ones after a jump may be guesses.
const lead = 2 * time.Second

// enough is how much of it must be left after a jump.
const enough = lead / 2

// A placed is a video of this process that was told where to go on.
type placed struct {
	*video
	base  time.Duration
	found bool
}

// Found says whether it stands there.
func (p *placed) Found() (time.Duration, bool) { return p.base, p.found }

// jump brings v to some frames before from, by the container's index. Its first result is
// OpenCV's time of the first frame. Where it has not, v stands anywhere.
func (v *video) jump(from time.Duration) (base time.Duration, found bool) {
	var f camera.Frame
	if v.Read(&f) != nil || v.lost > 0 { // times after a frame that was lost may not be those of other frames
		return 0, false
	}
	base = f.PTS
	for _, lead := range []time.Duration{lead, 4 * lead, 16 * lead} { // by a mean rate OpenCV may come out too far
		if from <= 2*lead {
			break
		}
		to := float64(base+from-lead) / float64(time.Millisecond)
		v.dev.Set(gocv.VideoCapturePosMsec, to)
		if v.decode(&f) == nil && f.PTS-base <= from-enough {
			v.jumped = true
			err := v.sizes.Close() // its packets are no longer those of the pictures
			v.sizes = nil
			return base, err == nil
		}
	}
	return base, false
}

// errOdd says that what was jumped into must be read from its beginning.
var errOdd = errors.New("it is to be read from the beginning")

// survey reads all packets, and says whether they tell of one size: then a range of the
// file can be read without those before it. working is told now and then.
func (v *video) survey(working func() error) (uniform bool, err error) {
	for n := 1000; v.sizes != nil; n += 1000 {
		before := v.sizes.read
		if v.sizes.until(n) != nil {
			return false, nil
		}
		if v.sizes.read == before {
			return true, nil
		}
		if err := working(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Survey opens a file, and says whether a range of it may be read by itself (Options.From):
// where its size changes in the middle, reading must meet the change. Errors are those of
// Open.
func Survey(ctx context.Context, ref camera.Ref, o Options) (i Info, divisible bool, err error) {
	o = o.filled()
	if !o.InProcess {
		r, err := openRemote(ctx, ref, o, order{Survey: true})
		if err == nil {
			return r.info, r.found, r.Close()
		}
		if !errors.Is(err, errNoChild) {
			return i, false, err
		}
	}
	v, err := openVideo(ref, o)
	if err != nil {
		return i, false, err
	}
	i = v.Info()
	divisible, err = v.survey(ctx.Err)
	return i, divisible, errors.Join(err, v.Close())
}

// jumps says whether a range is read from its middle on.
func (o Options) jumps() bool { return !o.Whole && o.From > 2*lead }

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
