package opencv

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
	"deixis/camera/container"
)

// OpenCV's numbers of settings that gocv does not name.
const (
	openTimeoutMsec gocv.VideoCaptureProperties = 53
	readTimeoutMsec gocv.VideoCaptureProperties = 54
)

// video is an open gocv.VideoCapture.
type video struct {
	ref camera.Ref
	dev *gocv.VideoCapture
	bgr gocv.Mat // scratch for pictures that are not BGR already

	turn  int      // degrees clockwise until a decoded picture stands upright
	lying gocv.Mat // the decoded picture, where it must be turned

	sizes *packetSizes     // what the packets say; nil: nothing
	facts *container.Facts // nil: not a file

	width, height int // of the picture before
	read          int // pictures so far
	live          bool
	maxPixels     int
	lost          int // failed reads that a picture followed
	jumped        bool
}

// openVideo opens what ref names. Nothing is left open when it fails.
func openVideo(ref camera.Ref, o Options) (*video, error) {
	var dev *gocv.VideoCapture
	var err error
	switch ref.Kind {
	case camera.Device:
		dev, err = openDevice(ref, o)
	case camera.Stream:
		dev, err = openStream(ref, o)
	default:
		dev, err = openFile(ref)
	}
	if err != nil {
		return nil, err
	}
	v := &video{ref: ref, dev: dev, bgr: gocv.NewMat(), lying: gocv.NewMat(), live: ref.Live(), maxPixels: o.MaxPixels}
	if ref.Kind == camera.File {
		v.facts = factsOf(ref.Path)
		v.sizes = watchSizes(ref.Path)
	}
	v.turn = takeTurn(dev, v.facts)
	if i := v.Info(); !fits(i.Width, i.Height, o.MaxPixels) {
		return nil, errors.Join(fmt.Errorf("open %s %q: frames of %dx%d are more than the limit of %d pixels: %w", ref.Kind, ref, i.Width, i.Height, o.MaxPixels, camera.ErrNoPicture), v.Close())
	}
	return v, nil
}

// fits says whether a picture has at most limit pixels.
func fits(width, height, limit int) bool {
	return width <= 0 || height <= limit/width
}

func openDevice(ref camera.Ref, o Options) (*gocv.VideoCapture, error) {
	id, api := deviceOf(runtime.GOOS, ref)
	if api == gocv.VideoCaptureV4L2 {
		// OpenCV prints lines of its own about a missing node; this says it once.
		if err := usable(ref.Path); err != nil {
			return nil, err
		}
	}
	dev, err := gocv.OpenVideoCaptureWithAPI(id, api)
	if err = opened(dev, err); err != nil {
		return nil, fmt.Errorf("open camera %q: it gives no pictures (is another program using it? `deixis devices` lists cameras): %w", ref, camera.ErrNoDevice)
	}
	format := o.Format
	if format == "" && o.Width > 0 && o.Height > 0 {
		format = "MJPG" // raw pictures of 720p and more do not fit through USB 2 at full rate
	}
	if format != "" {
		dev.Set(gocv.VideoCaptureFOURCC, dev.ToCodec(format))
	}
	if o.Width > 0 && o.Height > 0 {
		dev.Set(gocv.VideoCaptureFrameWidth, float64(o.Width))
		dev.Set(gocv.VideoCaptureFrameHeight, float64(o.Height))
	}
	if o.FPS > 0 {
		dev.Set(gocv.VideoCaptureFPS, o.FPS)
	}
	return dev, nil
}

// deviceOf is what OpenCV opens a camera by. Only Linux has nodes; elsewhere a
// camera is its number, and OpenCV knows the system's own way to it.
func deviceOf(goos string, ref camera.Ref) (id any, api gocv.VideoCaptureAPI) {
	switch {
	case goos == "linux":
		return ref.Path, gocv.VideoCaptureV4L2
	case ref.Device >= 0:
		return ref.Device, gocv.VideoCaptureAny
	}
	return ref.Path, gocv.VideoCaptureAny
}

// usable says in one line why a device node cannot be opened.
func usable(node string) error {
	f, err := os.OpenFile(node, os.O_RDWR, 0)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open camera %q: not there (`deixis devices` lists cameras): %w", node, camera.ErrNoDevice)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open camera %q: permission denied (add yourself to the group video): %w", node, camera.ErrNoDevice)
	}
	return errors.Join(fmt.Errorf("open camera %q: %w", node, camera.ErrNoDevice), err)
}

func openStream(ref camera.Ref, o Options) (*gocv.VideoCapture, error) {
	// A little more than the session's own limits, so that its words are heard.
	limit := func(d time.Duration) gocv.VideoCaptureProperties {
		return gocv.VideoCaptureProperties((d + 200*time.Millisecond).Milliseconds())
	}
	dev, err := gocv.OpenVideoCaptureWithAPIParams(ref.Path, gocv.VideoCaptureFFmpeg, []gocv.VideoCaptureProperties{
		openTimeoutMsec, limit(o.OpenTimeout), readTimeoutMsec, limit(o.ReadTimeout),
	})
	if err = opened(dev, err); err != nil {
		return nil, fmt.Errorf("open stream %q: no video there (check address, user and password): %w", ref, camera.ErrLost)
	}
	return dev, nil
}

func openFile(ref camera.Ref) (*gocv.VideoCapture, error) {
	info, err := os.Stat(ref.Path)
	if err != nil {
		return nil, fmt.Errorf("open video: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open video %q: not a regular file (name a video file, or a camera by its number): %w", ref, camera.ErrNoPicture)
	}
	if info.Size() == 0 {
		return nil, fmt.Errorf("open video %q: the file is empty: %w", ref, camera.ErrNoPicture)
	}
	f, err := os.Open(ref.Path)
	if err != nil {
		return nil, fmt.Errorf("open video: %w", err)
	}
	f.Close()
	dev, err := gocv.OpenVideoCaptureWithAPI(asPath(ref.Path), gocv.VideoCaptureFFmpeg)
	if err = opened(dev, err); err != nil {
		return nil, fmt.Errorf("open video %q: FFmpeg finds no video in it (cut short, or another kind of file?): %w", ref, camera.ErrNoPicture)
	}
	return dev, nil
}

// asPath keeps a file called 7, or a:b, from being read as camera 7 or as an
// address.
func asPath(path string) string {
	if path != "" && path[0] != '/' {
		return "./" + path
	}
	return path
}

// opened closes a capture that failed to open: gocv returns it alive.
func opened(dev *gocv.VideoCapture, err error) error {
	if err == nil && !dev.IsOpened() {
		err = errors.New("not open")
	}
	if err != nil && dev != nil {
		dev.Close()
	}
	return err
}

// mostFailed is how many reads of a file may fail in a row before that is its
// end. OpenCV does not tell a damaged frame from the end, and gives up after
// some hundred packets of sound; at the end a read fails within microseconds.
const mostFailed = 1000

// Read decodes the next picture into f: straight into its memory where the
// picture is as large as the one before, for a copy of 1080p is 6 MB. A file is
// read on after a failed read; its end is io.EOF, as is that of a live source.
func (v *video) Read(f *camera.Frame) error {
	for failed := 0; ; failed++ {
		err := v.decode(f)
		if err == nil {
			v.lost, v.read = v.lost+failed, v.read+1
			if v.jumped && v.lost > 0 { // how many is known only from the beginning on
				return errOdd
			}
			return v.followed()
		}
		if !errors.Is(err, io.EOF) || v.live || failed == mostFailed {
			return err
		}
	}
}

// decode is one try to decode a picture.
func (v *video) decode(f *camera.Frame) error {
	mat, err := v.target(f)
	if err != nil {
		return err
	}
	defer mat.Close()
	if err := v.upright(&mat); err != nil {
		return err
	}
	v.width, v.height = mat.Cols(), mat.Rows()
	if !fits(v.width, v.height, v.maxPixels) {
		return fmt.Errorf("a frame of %dx%d is more than the limit of %d pixels: %w", v.width, v.height, v.maxPixels, camera.ErrNoPicture)
	}
	f.PTS = time.Duration(v.dev.Get(gocv.VideoCapturePosMsec) * float64(time.Millisecond))
	if v.ref.Kind == camera.Device {
		f.At = takenAt(f.PTS, kernelClock(), time.Now())
	}
	if pix, err := mat.DataPtrUint8(); err == nil && len(f.Pix) > 0 && len(pix) == len(f.Pix) && &pix[0] == &f.Pix[0] {
		return nil
	}
	return copyOut(&mat, &v.bgr, f)
}

// skip passes over n frames: by the container's index, or by decoding them
// without turning them into pictures. working is told now and then.
func (v *video) skip(n int, seek bool, working func() error) error {
	if seek {
		v.dev.Set(gocv.VideoCapturePosFrames, float64(n))
		err := v.sizes.Close() // its packets are no longer those of the pictures
		v.sizes = nil
		return err
	}
	v.read += n
	for i := range n {
		if err := v.dev.Grab(1); err != nil {
			return err
		}
		if i%25 == 24 {
			if err := working(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Lost is how many frames could not be decoded so far.
func (v *video) Lost() int { return v.lost }

// target is a Mat over the memory of f, in the size expected, or an empty one.
func (v *video) target(f *camera.Frame) (gocv.Mat, error) {
	if v.width == 0 {
		return gocv.NewMat(), nil
	}
	f.Resize(v.width, v.height)
	return over(f)
}

// Info is what the backend claims; it may claim nothing, or nonsense.
func (v *video) Info() Info {
	i := Info{
		Width:  int(v.dev.Get(gocv.VideoCaptureFrameWidth)),
		Height: int(v.dev.Get(gocv.VideoCaptureFrameHeight)),
		FPS:    v.dev.Get(gocv.VideoCaptureFPS),
		Frames: int(v.dev.Get(gocv.VideoCaptureFrameCount)),
		Format: fourCC(uint32(max(0, v.dev.Get(gocv.VideoCaptureFOURCC)))),

		Container: v.facts,
	}
	if v.turn%180 != 0 {
		i.Width, i.Height = i.Height, i.Width
	}
	if !(i.FPS > 0 && i.FPS <= 1000) {
		i.FPS = 0
	}
	i.Frames = max(0, i.Frames)
	return i
}

func (v *video) Close() error {
	return errors.Join(v.sizes.Close(), v.lying.Close(), v.bgr.Close(), v.dev.Close())
}
