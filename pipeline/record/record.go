// Package record writes what is shown into an MP4 file, through OpenCV. No
// gocv type leaves it.
package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
	"deixis/pipeline"
)

// FFmpeg's own lines would stand between ours. OpenCV reads the variable when
// it opens its first video; who wants the lines sets it.
func init() {
	const quiet = "OPENCV_FFMPEG_LOGLEVEL"
	if _, set := os.LookupEnv(quiet); !set {
		os.Setenv(quiet, "-8")
	}
}

// codecs are tried in this order: H.264 plays everywhere, MPEG-4 is always there.
var codecs = []string{"avc1", "mp4v"}

const (
	defaultFPS = 25               // where the source names no rate
	longestGap = 10 * time.Second // a camera that was away longer is cut short
	leastFree  = 8 << 20          // bytes of disk that must stay free for the file to be finished
	checkEvery = 16               // frames between two looks at the disk
	leastSide  = 2                // pixels; colour is stored once for two by two, so that no encoder takes less
	safeSide   = 4096             // pixels; every encoder takes that much
)

// ErrRecord says that the recording cannot be written.
var ErrRecord = errors.New("cannot record")

// Options shape a recording.
type Options struct {
	FPS float64 // frames a second of the file; 0 means 25

	// EveryFrame writes each frame once, as for a recording that is read frame by
	// frame. Otherwise frames are repeated or left out, so that the file plays at
	// the pace of the source whatever rate the frames came at.
	EveryFrame bool

	Log *slog.Logger // nil means slog.Default()
}

// Recorder is a sink that writes MP4. It belongs to one goroutine.
type Recorder struct {
	path string
	o    Options
	free func(dir string) (uint64, error) // bytes free on the disk

	out           *gocv.VideoWriter // nil before the first frame
	codec         string
	width, height int          // of the file
	last          camera.Frame // the frame written last, for gaps
	written       int
	small         int           // frames left out before the first, with a side under leastSide
	first         time.Duration // PTS of the first frame
}

// New makes sure that path can be written. The file takes its size from the
// first frame shown that an encoder takes: one of a single row or column is left
// out until then, and one too large for any is made smaller.
func New(path string, o Options) (*Recorder, error) {
	if strings.ToLower(filepath.Ext(path)) != ".mp4" {
		return nil, fmt.Errorf("record %q: only MP4 is written (name it .mp4): %w", path, ErrRecord)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("record: %w: %w", err, ErrRecord)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("record: %w: %w", err, ErrRecord)
	}
	if !(o.FPS > 0) {
		o.FPS = defaultFPS
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Recorder{path: path, o: o, free: free}, nil
}

// Codec is the one in use, avc1 (H.264) or mp4v (MPEG-4); "" before the first frame.
func (r *Recorder) Codec() string { return r.codec }

// Frames is how many the file holds so far.
func (r *Recorder) Frames() int { return r.written }

// Show writes f. A later frame of another size is fitted into the first one's.
// Its errors are ErrRecord.
func (r *Recorder) Show(_ context.Context, f *camera.Frame, _ []pipeline.View) error {
	if r.out == nil {
		if min(f.Width, f.Height) < leastSide {
			r.leaveOut(f)
			return nil
		}
		if err := r.begin(f); err != nil {
			return err
		}
	}
	times := 1
	if !r.o.EveryFrame {
		times = r.due(f.PTS)
	}
	for ; times > 1; times-- {
		if err := r.write(&r.last); err != nil {
			return err
		}
	}
	if times == 1 {
		if err := r.write(f); err != nil {
			return err
		}
	}
	if !r.o.EveryFrame {
		f.CopyTo(&r.last)
	}
	return nil
}

// begin opens the file with the first codec that works.
func (r *Recorder) begin(f *camera.Frame) error {
	if err := r.room(); err != nil {
		return err
	}
	if r.open(f.Width, f.Height) || r.open(shrunk(f.Width, f.Height)) {
		r.first = f.PTS
		f.CopyTo(&r.last)
		return nil
	}
	return fmt.Errorf("record %q: OpenCV has no encoder for %dx%d pixels (%s): %w", r.path, f.Width, f.Height, strings.Join(codecs, ", "), ErrRecord)
}

// open opens the file with the first codec that takes that size.
func (r *Recorder) open(w, h int) bool {
	for _, codec := range codecs {
		out, err := gocv.VideoWriterFileWithAPI(r.path, gocv.VideoCaptureFFmpeg, codec, r.o.FPS, w, h, true)
		if err == nil && out.IsOpened() {
			r.out, r.codec, r.width, r.height = out, codec, w, h
			return true
		}
		if out != nil {
			out.Close()
		}
	}
	return false
}

// shrunk is a size in about the same proportions that every encoder takes.
func shrunk(w, h int) (int, int) {
	scale := min(1, safeSide/float64(max(w, h)))
	return max(leastSide, int(scale*float64(w))), max(leastSide, int(scale*float64(h)))
}

// leaveOut tells once of frames that cannot be the first.
func (r *Recorder) leaveOut(f *camera.Frame) {
	if r.small++; r.small == 1 {
		r.o.Log.Warn("too small to begin a recording with, left out of it", "record", r.path, "frame", f.Seq, "size", fmt.Sprintf("%dx%d", f.Width, f.Height))
	}
}

// due is how many frames the file lacks up to and with one of that PTS.
func (r *Recorder) due(pts time.Duration) int {
	gap := int((pts-r.first).Seconds()*r.o.FPS+0.5) + 1 - r.written
	if longest := int(longestGap.Seconds() * r.o.FPS); gap > longest {
		r.first += time.Duration(float64(gap-longest) / r.o.FPS * float64(time.Second))
		gap = longest
	}
	return gap
}

func (r *Recorder) write(f *camera.Frame) error {
	if r.written%checkEvery == 0 {
		if err := r.room(); err != nil {
			return err
		}
	}
	mat, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.Pix)
	if err != nil {
		return fmt.Errorf("record %q: %w: %w", r.path, err, ErrRecord)
	}
	defer mat.Close()
	if f.Width != r.width || f.Height != r.height {
		fitted := fit(mat, r.width, r.height)
		defer fitted.Close()
		err = r.out.Write(fitted)
	} else {
		err = r.out.Write(mat)
	}
	if err != nil {
		return fmt.Errorf("record %q: %w: %w", r.path, err, ErrRecord)
	}
	r.written++
	return nil
}

// room fails while there is still enough disk to finish the file: OpenCV does
// not tell when a write fails.
func (r *Recorder) room() error {
	n, err := r.free(filepath.Dir(r.path))
	if err == nil && n < leastFree {
		return fmt.Errorf("record %q: disk full: %d MiB left (free some, or record elsewhere): %w", r.path, n>>20, ErrRecord)
	}
	return nil
}

// Close finishes the file and makes sure that it is whole. A file without a
// single frame is removed.
func (r *Recorder) Close() error {
	if r.out == nil {
		return r.empty()
	}
	err := r.out.Close()
	r.out = nil
	if whole(r.path) {
		return err
	}
	return errors.Join(fmt.Errorf("record %q: the file has no index and will not play (disk full?): %w", r.path, ErrRecord), err)
}

// empty removes a file that nothing was written into.
func (r *Recorder) empty() error {
	var errs []error
	if info, err := os.Stat(r.path); err == nil && info.Size() == 0 {
		errs = append(errs, os.Remove(r.path))
	}
	if r.small > 0 {
		errs = append(errs, fmt.Errorf("record %q: none of its %d frames has %d rows and columns: %w", r.path, r.small, leastSide, ErrRecord))
	}
	return errors.Join(errs...)
}
