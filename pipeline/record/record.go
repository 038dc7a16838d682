// Package record writes what is shown into an MP4 file, through OpenCV or FFmpeg.
// No gocv type leaves it.
package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"gocv.io/x/gocv"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/outfile"
)

const (
	defaultFPS = 25      // where the source names no rate
	leastFree  = 8 << 20 // bytes of disk that must stay free for the file to be finished
	checkEvery = 16      // frames between two looks at the disk
	leastSide  = 2       // pixels; colour is stored once for two by two, so that no encoder takes less
	safeSide   = 4096    // pixels; every encoder takes that much
)

// The errors that callers test for.
var (
	ErrRecord = errors.New("cannot record")
	ErrFull   = errors.New("disk full") // an ErrRecord, too
)

// Options shape a recording.
type Options struct {
	// FPS is how many frames a second the file has where the program ffmpeg is not
	// installed: then frames are repeated or left out, so that each stands within
	// half an interval of its time. 0 means 25.
	FPS float64

	// Sound is a file whose first sound goes with the pictures, from the first of them on,
	// where the program ffmpeg is installed; "" for none.
	Sound string

	Log *slog.Logger // nil means slog.Default()
}

// An encoder writes frames of one size into one file.
type encoder interface {
	// write writes f at f.PTS; what it writes at once or later, and how often, is its own.
	write(ctx context.Context, f *camera.Frame) error
	// close finishes the file.
	close() error
	// codec is avc1 (H.264) or mp4v (MPEG-4).
	codec() string
}

// Recorder is a sink that writes MP4: each frame at the time it has in its source.
// It belongs to one goroutine.
type Recorder struct {
	path string // as it was asked for
	file *outfile.File
	o    Options
	free func(dir string) (uint64, error) // bytes free on the disk
	by   encoding                         // of ffmpeg; zero where there is none

	to            encoder // nil before the first frame
	width, height int     // of the file
	taken         int     // frames
	small         int     // frames left out before the first, with a side under leastSide
}

// New makes sure that path can be written, and that nobody else writes it. The file
// takes its size from the first frame shown that an encoder takes: one of a single
// row or column is left out until then, and one too large for any is made smaller.
// Its errors are ErrRecord, and outfile.ErrBusy besides.
func New(path string, o Options) (*Recorder, error) {
	if strings.ToLower(filepath.Ext(path)) != ".mp4" {
		return nil, fmt.Errorf("record %q: only MP4 is written (name it .mp4): %w", path, ErrRecord)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	file, err := outfile.Create(path, o.Log)
	if err != nil {
		return nil, fmt.Errorf("record: %w: %w", err, ErrRecord)
	}
	if !(o.FPS > 0) {
		o.FPS = defaultFPS
	}
	r := &Recorder{path: path, file: file, o: o, free: free}
	if r.by, err = findEncoding(); err != nil && !errors.Is(err, errNoFFmpeg) {
		r.sayFixed(err)
	}
	return r, nil
}

// sayFixed tells why frames do not keep their own times.
func (r *Recorder) sayFixed(why error) {
	r.o.Log.Warn("ffmpeg does not write this video, so that its rate is fixed", "record", r.path, "why", why)
}

// Path is the file that is recorded to.
func (r *Recorder) Path() string { return r.path }

// Codec is the one in use, avc1 (H.264) or mp4v (MPEG-4); "" before the first frame.
func (r *Recorder) Codec() string {
	if r.to == nil {
		return ""
	}
	return r.to.codec()
}

// Frames is how many were shown that the file shows, too.
func (r *Recorder) Frames() int { return r.taken }

// Show writes f. A later frame of another size is fitted into the first one's.
// Its errors are ErrRecord.
func (r *Recorder) Show(ctx context.Context, f *camera.Frame, _ []pipeline.View) error {
	if r.to == nil && min(f.Width, f.Height) < leastSide {
		r.leaveOut(f)
		return nil
	}
	if r.taken%checkEvery == 0 {
		if err := r.room(); err != nil {
			return err
		}
	}
	if r.to == nil {
		if err := r.begin(f); err != nil {
			return err
		}
	}
	if f.Width != r.width || f.Height != r.height {
		fitted, err := fit(f, r.width, r.height)
		if err != nil {
			return fmt.Errorf("record %q: %w: %w", r.path, err, ErrRecord)
		}
		f = fitted
	}
	if err := r.to.write(ctx, f); err != nil {
		return fmt.Errorf("record %q: %w: %w", r.path, err, ErrRecord)
	}
	r.taken++
	return nil
}

// begin opens the encoder.
func (r *Recorder) begin(f *camera.Frame) error {
	part := r.file.Part()
	for _, size := range [][2]int{{f.Width, f.Height}, shrunk(f.Width, f.Height)} {
		r.width, r.height = size[0], size[1]
		if max(r.width, r.height) <= r.by.most {
			to, err := openFFmpeg(r.by, part, r.width, r.height, r.o.Sound)
			if err == nil {
				r.to = to
				return nil
			}
			r.sayFixed(err)
		}
		if to := openOpenCV(part, r.o.FPS, r.width, r.height); to != nil {
			r.to = to
			return nil
		}
	}
	return fmt.Errorf("record %q: no encoder for %dx%d pixels (%s): %w", r.path, f.Width, f.Height, strings.Join(codecs, ", "), ErrRecord)
}

// shrunk is a size in about the same proportions that every encoder takes.
func shrunk(w, h int) [2]int {
	scale := min(1, safeSide/float64(max(w, h)))
	return [2]int{max(leastSide, int(scale*float64(w))), max(leastSide, int(scale*float64(h)))}
}

// leaveOut tells once of frames that cannot be the first.
func (r *Recorder) leaveOut(f *camera.Frame) {
	if r.small++; r.small == 1 {
		r.o.Log.Warn("too small to begin a recording with, left out of it", "record", r.path, "frame", f.Seq, "size", fmt.Sprintf("%dx%d", f.Width, f.Height))
	}
}

// room fails while there is still enough disk to finish the file: OpenCV does
// not tell when a write fails.
func (r *Recorder) room() error {
	n, err := r.free(filepath.Dir(r.path))
	if err == nil && n < leastFree {
		return fmt.Errorf("record %q: %w: %d MiB left (free some, or record elsewhere): %w", r.path, ErrFull, n>>20, ErrRecord)
	}
	return nil
}

// Close finishes the file, makes sure that it is whole, and gives it its name in
// place of an earlier one. Of a file that is not, the part stays. Without a single
// frame there is none, and an earlier one stays.
func (r *Recorder) Close() error {
	if r.to == nil {
		err := r.file.Discard()
		if r.small > 0 {
			err = errors.Join(fmt.Errorf("record %q: none of its %d frames has %d rows and columns: %w", r.path, r.small, leastSide, ErrRecord), err)
		}
		return err
	}
	if err := r.end(); err != nil {
		return errors.Join(err, r.file.Close())
	}
	if err := r.file.Commit(); err != nil {
		return fmt.Errorf("record: %w: %w", err, ErrRecord)
	}
	return nil
}

// Abandon finishes what there is, and leaves it under the part's name, which it
// returns; "" for none. It is for a run that ended before its source did.
func (r *Recorder) Abandon() (part string, err error) {
	if r.to == nil {
		return "", r.file.Discard()
	}
	return r.file.Part(), errors.Join(r.end(), r.file.Close())
}

// end closes the encoder and looks at what it wrote.
func (r *Recorder) end() error {
	err := r.to.close()
	if err == nil && !whole(r.file.Part()) {
		err = errors.New("the file has no end (disk full?)")
	}
	if err != nil {
		return fmt.Errorf("record %q: %w (what there is lies in %s): %w", r.path, err, r.file.Part(), ErrRecord)
	}
	return nil
}

// fit is f as large as w by h allows, its proportions kept, on black.
func fit(f *camera.Frame, w, h int) (*camera.Frame, error) {
	mat, err := gocv.NewMatFromBytes(f.Height, f.Width, gocv.MatTypeCV8UC3, f.Pix)
	if err != nil {
		return nil, err
	}
	defer mat.Close()
	fitted := fitMat(mat, w, h)
	defer fitted.Close()
	out := *f
	out.Pix = nil
	out.Resize(w, h)
	pix, err := fitted.DataPtrUint8()
	copy(out.Pix, pix)
	return &out, err
}
