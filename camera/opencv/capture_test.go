package opencv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// fake is a camera whose frames and failures a test decides.
type fake struct {
	frames int           // how many it gives
	hang   time.Duration // how long it takes over the one after
	stuck  chan struct{} // likewise, until this is closed
	step   uint64        // from one number to the next; 0: it gives none
	seq    uint64
	closed chan struct{}
}

func (h *fake) Read(f *camera.Frame) error {
	if h.frames == 0 {
		time.Sleep(h.hang)
		if h.stuck != nil {
			<-h.stuck
		}
		return io.EOF
	}
	h.frames--
	h.seq += h.step
	f.Resize(2, 1)
	f.Seq = h.seq
	return nil
}

func (h *fake) Info() Info   { return Info{Width: 2, Height: 1, FPS: 10} }
func (h *fake) Close() error { close(h.closed); return nil }

// plug hands out its handles one by one, nil meaning that the camera is away.
type plug struct {
	mu      sync.Mutex
	handles []*fake
	tries   int
}

func (p *plug) open(context.Context) (handle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if len(p.handles) == 0 {
		return nil, camera.ErrNoDevice
	}
	h := p.handles[0]
	p.handles = p.handles[1:]
	if h == nil {
		return nil, camera.ErrNoDevice
	}
	h.closed = make(chan struct{})
	return h, nil
}

var webcam = camera.Ref{Kind: camera.Device, URI: "0", Path: "/dev/video0"}

func TestUnplugAndReplug(t *testing.T) {
	var log bytes.Buffer
	o := Options{Reconnect: true, Log: slog.New(slog.NewTextHandler(&log, nil))}.filled()
	p := &plug{handles: []*fake{{frames: 3}, nil, {frames: 2}}}
	c, err := newCapture(t.Context(), webcam, o, p.open)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Lost() {
		t.Error("lost from the start")
	}
	var f camera.Frame
	var last time.Duration
	for want := range uint64(5) {
		if err := c.Next(t.Context(), &f); err != nil {
			t.Fatalf("frame %d: %v", want+1, err)
		}
		if f.Seq != want+1 || f.PTS < last {
			t.Errorf("frame %d: seq %d, pts %v after %v", want+1, f.Seq, f.PTS, last)
		}
		last = f.PTS
	}
	if n := strings.Count(log.String(), "\n"); n != 4 {
		t.Errorf("%d lines for one loss and one return, and two modes:\n%s", n, &log)
	}
	if p.tries != 3 {
		t.Errorf("opened %d times, want 3", p.tries)
	}
}

// TestFramesDroppedOnTheWay leave a gap in the numbers, over a reconnection, too.
func TestFramesDroppedOnTheWay(t *testing.T) {
	o := Options{Reconnect: true, Pause: time.Millisecond, Log: slog.New(slog.DiscardHandler)}.filled()
	c, err := newCapture(t.Context(), webcam, o, (&plug{handles: []*fake{{frames: 2, step: 3}, {frames: 1}, {frames: 1, step: 2}}}).open)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var f camera.Frame
	for _, want := range []uint64{3, 6, 7, 9} {
		if err := c.Next(t.Context(), &f); err != nil || f.Seq != want {
			t.Fatalf("seq %d, %v; want %d", f.Seq, err, want)
		}
	}
}

func TestModeAskedAndGot(t *testing.T) {
	for name, tt := range map[string]struct {
		asked Options
		level string
		says  string
	}{
		"nothing asked":             {Options{}, "INFO", `asked=anything got=2x1@10`},
		"as asked":                  {Options{Width: 2, Height: 1, FPS: 10}, "INFO", `asked=2x1@10 got=2x1@10`},
		"another size":              {Options{Width: 1280, Height: 720}, "WARN", `asked=1280x720 got=2x1@10`},
		"slower":                    {Options{FPS: 30}, "WARN", `asked=@30 got=2x1@10`},
		"a format that is not told": {Options{Format: "MJPG"}, "INFO", `asked=MJPG`},
	} {
		var log bytes.Buffer
		tt.asked.Log = slog.New(slog.NewTextHandler(&log, nil))
		c, err := newCapture(t.Context(), webcam, tt.asked.filled(), (&plug{handles: []*fake{{frames: 1}}}).open)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if s := log.String(); !strings.Contains(s, "level="+tt.level) || !strings.Contains(s, tt.says) {
			t.Errorf("%s: log says %s", name, s)
		}
	}
	if (Options{Format: "yuyv"}).met(Info{Format: "MJPG"}) || !(Options{Format: "yuyv"}).met(Info{Format: "YUYV"}) {
		t.Error("formats are not compared")
	}
}

func TestUnplugWithoutReconnect(t *testing.T) {
	h := &fake{frames: 1}
	c, err := newCapture(t.Context(), webcam, Options{}.filled(), (&plug{handles: []*fake{h}}).open)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var f camera.Frame
	if err := c.Next(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	if err := c.Next(t.Context(), &f); !errors.Is(err, camera.ErrLost) {
		t.Errorf("after the unplug: %v, want ErrLost", err)
	}
	<-h.closed
}

func TestHangingCamera(t *testing.T) {
	h := &fake{hang: 300 * time.Millisecond}
	o := Options{ReadTimeout: 20 * time.Millisecond}.filled()
	c, err := newCapture(t.Context(), webcam, o, (&plug{handles: []*fake{h}}).open)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var f camera.Frame
	if err := c.Next(t.Context(), &f); !errors.Is(err, camera.ErrLost) || !strings.Contains(err.Error(), "no frame for") {
		t.Errorf("Next = %v, want ErrLost for slowness", err)
	}
	<-h.closed // freed once the native call is back
}

func TestContextEndsNextAtOnce(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	for name, p := range map[string]*plug{
		"while reading":      {handles: []*fake{{stuck: stuck}}},
		"while reconnecting": {handles: []*fake{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Reconnect: true, ReadTimeout: time.Hour, Log: slog.New(slog.DiscardHandler)}.filled()
			c, err := newCapture(t.Context(), webcam, o, p.open)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer stop()
			var f camera.Frame
			if err := c.Next(ctx, &f); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Next = %v", err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenSlowDevice(t *testing.T) {
	freed := &fake{closed: make(chan struct{})}
	o := Options{OpenTimeout: 20 * time.Millisecond}.filled()
	opens := make(chan struct{})
	_, err := newCapture(t.Context(), webcam, o, func(context.Context) (handle, error) {
		<-opens
		return freed, nil
	})
	if !errors.Is(err, camera.ErrNoDevice) {
		t.Errorf("open = %v, want ErrNoDevice", err)
	}
	close(opens)
	<-freed.closed
}

func TestOpenMissingDevice(t *testing.T) {
	ref := camera.Ref{Kind: camera.Device, URI: "77", Path: filepath.Join(t.TempDir(), "video77")}
	s, err := Open(t.Context(), ref, Options{})
	if s != nil || !errors.Is(err, camera.ErrNoDevice) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Open = %v, %v; want nil and ErrNoDevice in one line", s, err)
	}
}

func TestOpenFileThatIsNoVideo(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.mp4")
	film(t, whole, "mp4v", 64, 48, 30)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty":     nil,
		"text":      []byte("hello there\n"),
		"cut short": data[:len(data)/2],
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "broken.mp4")
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), camera.Ref{Kind: camera.File, URI: path, Path: path}, Options{})
			if !errors.Is(err, camera.ErrNoPicture) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Open = %v, want ErrNoPicture in one line", err)
			}
		})
	}
}

func TestFileGivesEveryFrame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "7") // a name that is also a camera's number
	film(t, path+".avi", "MJPG", 65, 47, 12)
	if err := os.Rename(path+".avi", path); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(path))
	s, err := Open(t.Context(), camera.Ref{Kind: camera.File, URI: "./7", Path: "7"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if i := s.Info(); i.FPS != 10 || i.Frames != 12 || i.Width != 64 && i.Width != 65 {
		t.Errorf("Info() = %+v", i)
	}
	var f camera.Frame
	for n := range 12 {
		if err := s.Next(t.Context(), &f); err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if f.Seq != uint64(n+1) || f.PTS.Round(time.Millisecond) != time.Duration(n)*100*time.Millisecond {
			t.Errorf("frame %d: seq %d, pts %v", n, f.Seq, f.PTS)
		}
		if got := f.Pix[0]; abs(int(got)-20*n) > 6 {
			t.Errorf("frame %d: blue is %d, want about %d", n, got, 20*n)
		}
	}
	if err := s.Next(t.Context(), &f); err != io.EOF {
		t.Errorf("after the last: %v, want io.EOF", err)
	}
}

func TestVideoThatEndsEarly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.avi")
	film(t, path, "MJPG", 64, 48, 30)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), camera.Ref{Kind: camera.File, URI: path, Path: path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var f camera.Frame
	for err == nil {
		err = s.Next(t.Context(), &f)
	}
	if !errors.Is(err, camera.ErrNoPicture) || !strings.Contains(err.Error(), "of 30 frames") || f.Seq < 1 || f.Seq > 26 {
		t.Errorf("%d frames, then %v", f.Seq, err)
	}
	if again := s.Next(t.Context(), &f); !errors.Is(again, camera.ErrNoPicture) {
		t.Errorf("after the end: %v", again)
	}
}

func TestDeviceOf(t *testing.T) {
	named := camera.Ref{Kind: camera.Device, Device: -1, Path: "/dev/video-front"}
	for name, tt := range map[string]struct {
		goos string
		ref  camera.Ref
		id   any
		api  gocv.VideoCaptureAPI
	}{
		"Linux":         {"linux", webcam, "/dev/video0", gocv.VideoCaptureV4L2},
		"macOS":         {"darwin", webcam, 0, gocv.VideoCaptureAny},
		"Windows":       {"windows", webcam, 0, gocv.VideoCaptureAny},
		"without digit": {"freebsd", named, "/dev/video-front", gocv.VideoCaptureAny},
	} {
		if id, api := deviceOf(tt.goos, tt.ref); id != tt.id || api != tt.api {
			t.Errorf("%s: %v by %v", name, id, api)
		}
	}
}

func abs(n int) int { return max(n, -n) }
