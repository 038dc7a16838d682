package record

import (
	"context"
	"os"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// FFmpeg's own lines would stand between ours. OpenCV reads the variable when it
// opens its first video; who wants the lines sets it.
func init() {
	const quiet = "OPENCV_FFMPEG_LOGLEVEL"
	if _, set := os.LookupEnv(quiet); !set {
		os.Setenv(quiet, "-8")
	}
}

// codecs are tried in this order: H.264 plays everywhere, MPEG-4 is always there.
var codecs = []string{"avc1", "mp4v"}

// longestGap is how much of a time without frames is recorded: a camera that was
// away longer is cut short.
const longestGap = 10 * time.Second

// A fixedRate writes through OpenCV, whose files have one rate: frames are repeated
// or left out, so that each stands within half an interval of its own time. Its
// files play only once they are closed; OpenCV hands no option on to the container
// (opencv issue 24570).
type fixedRate struct {
	out     *gocv.VideoWriter
	fourCC  string
	fps     float64
	last    camera.Frame // the frame written last, for gaps
	written int
	first   time.Duration // PTS of the first frame
}

// openOpenCV opens the file with the first codec that takes that size; nil for none.
func openOpenCV(path string, fps float64, w, h int) *fixedRate {
	for _, fourCC := range codecs {
		out, err := gocv.VideoWriterFileWithAPI(path, gocv.VideoCaptureFFmpeg, fourCC, fps, w, h, true)
		if err == nil && out.IsOpened() {
			return &fixedRate{out: out, fourCC: fourCC, fps: fps}
		}
		if out != nil {
			out.Close()
		}
	}
	return nil
}

func (r *fixedRate) codec() string { return r.fourCC }
func (r *fixedRate) close() error  { return r.out.Close() }

func (r *fixedRate) write(_ context.Context, f *camera.Frame) error {
	if r.written == 0 {
		r.first = f.PTS
	}
	times := r.due(f.PTS)
	for ; times > 1; times-- {
		if err := r.add(&r.last); err != nil {
			return err
		}
	}
	if times == 1 {
		if err := r.add(f); err != nil {
			return err
		}
	}
	f.CopyTo(&r.last)
	return nil
}

// due is how many frames the file lacks up to and with one of that PTS.
func (r *fixedRate) due(pts time.Duration) int {
	gap := int((pts-r.first).Seconds()*r.fps+0.5) + 1 - r.written
	if longest := int(longestGap.Seconds() * r.fps); gap > longest {
		r.first += time.Duration(float64(gap-longest) / r.fps * float64(time.Second))
		gap = longest
	}
	return gap
}

// add writes one frame more.
func (r *fixedRate) add(f *camera.Frame) error {
	mat, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.Pix)
	if err != nil {
		return err
	}
	defer mat.Close()
	if err := r.out.Write(mat); err != nil {
		return err
	}
	r.written++
	return nil
}
