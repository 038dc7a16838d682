package opencv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// OpenCV's numbers of two settings that gocv does not name.
const (
	openTimeoutMsec gocv.VideoCaptureProperties = 53
	readTimeoutMsec gocv.VideoCaptureProperties = 54
)

// video is an open gocv.VideoCapture.
type video struct {
	dev *gocv.VideoCapture
	bgr gocv.Mat // scratch for pictures that are not BGR already

	width, height int // of the picture before
}

// openVideo opens what ref names. Nothing is left open when it fails.
func openVideo(ref camera.Ref, o Options) (handle, error) {
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
	return &video{dev: dev, bgr: gocv.NewMat()}, nil
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
	if info.Size() == 0 && info.Mode().IsRegular() {
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

// Read decodes the next picture into f: straight into its memory where the
// picture is as large as the one before, for a copy of 1080p is 6 MB.
func (v *video) Read(f *camera.Frame) bool {
	mat, err := v.target(f)
	if err != nil {
		return false
	}
	defer mat.Close()
	if !v.dev.Read(&mat) || mat.Empty() {
		return false
	}
	v.width, v.height = mat.Cols(), mat.Rows()
	f.PTS = time.Duration(v.dev.Get(gocv.VideoCapturePosMsec) * float64(time.Millisecond))
	if pix, err := mat.DataPtrUint8(); err == nil && len(f.Pix) > 0 && len(pix) == len(f.Pix) && &pix[0] == &f.Pix[0] {
		return true
	}
	return copyOut(&mat, &v.bgr, f) == nil
}

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
	}
	if !(i.FPS > 0 && i.FPS <= 1000) {
		i.FPS = 0
	}
	i.Frames = max(0, i.Frames)
	return i
}

func (v *video) Close() error {
	return errors.Join(v.bgr.Close(), v.dev.Close())
}
