package opencv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"deixis/camera"
)

// openFileOf opens a video file; it is closed at the test's end.
func openFileOf(t *testing.T, path string, o Options) Source {
	t.Helper()
	s, err := Open(t.Context(), camera.Ref{Kind: camera.File, URI: path, Path: path}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// madeBy is a file that ffmpeg makes of args; the test is skipped where ffmpeg is not there.
func madeBy(t *testing.T, path, args string) string {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg on this machine (install it to read what it writes)")
	}
	cmd := exec.CommandContext(t.Context(), ffmpeg, append(strings.Fields("-v error -nostdin -y "+args), path)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("this ffmpeg cannot make %s: %v\n%s", args, err, said)
	}
	return path
}

// turned is an MP4 of a picture with four colours whose track says that it lies on its side:
// the a, b, c and d of its matrix (ISO/IEC 14496-12, 8.3.2), 16.16 fixed point.
func turned(t *testing.T, matrix [4]int32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "phone.mp4")
	f := corners()
	w, err := gocv.VideoWriterFile(path, "mp4v", 10, f.Width, f.Height, true)
	if err != nil {
		t.Fatal(err)
	}
	mat, err := over(f)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := w.Write(mat); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(mat.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("tkhd"))
	if at < 0 || data[at+4] != 0 {
		t.Fatalf("no tkhd box of version 0 at %d", at)
	}
	for i, offset := range []int{0, 4, 12, 16} {
		binary.BigEndian.PutUint32(data[at+4+40+offset:], uint32(matrix[i]))
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVideosStandUpright(t *testing.T) {
	const one = 1 << 16
	const red, green, blue, white = "red", "green", "blue", "white"
	for name, tt := range map[string]struct {
		matrix        [4]int32
		width, height int
		want          [4]string // top left, top right, bottom left, bottom right
	}{
		"0":   {[4]int32{one, 0, 0, one}, 48, 32, [4]string{red, green, blue, white}},
		"90":  {[4]int32{0, one, -one, 0}, 32, 48, [4]string{blue, red, white, green}},
		"180": {[4]int32{-one, 0, 0, -one}, 48, 32, [4]string{white, blue, green, red}},
		"270": {[4]int32{0, -one, one, 0}, 32, 48, [4]string{green, white, red, blue}},
	} {
		for _, within := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in this process %v", name, within), func(t *testing.T) {
				s := openFileOf(t, turned(t, tt.matrix), Options{InProcess: within})
				if i := s.Info(); i.Width != tt.width || i.Height != tt.height {
					t.Errorf("Info says %dx%d, want %dx%d", i.Width, i.Height, tt.width, tt.height)
				}
				var f camera.Frame
				for n := range 5 {
					if err := s.Next(t.Context(), &f); err != nil {
						t.Fatalf("frame %d: %v", n+1, err)
					}
					var got [4]string
					for i := range got {
						got[i] = colour(&f, f.Width/4+i%2*f.Width/2, f.Height/4+i/2*f.Height/2)
					}
					if f.Width != tt.width || f.Height != tt.height || got != tt.want {
						t.Errorf("frame %d: %dx%d with %v, want %dx%d with %v", n+1, f.Width, f.Height, got, tt.width, tt.height, tt.want)
					}
				}
			})
		}
	}
}

// colour names a pixel of corners, whatever a codec made of it.
func colour(f *camera.Frame, x, y int) string {
	p := f.Pix[3*(y*f.Width+x):]
	return map[[3]bool]string{
		{false, false, true}: "red", {false, true, false}: "green", {true, false, false}: "blue", {true, true, true}: "white",
	}[[3]bool{p[0] > 127, p[1] > 127, p[2] > 127}]
}

func TestMetaTurn(t *testing.T) {
	for version, want := range map[string]int{"4.5.5": 90, "4.6.0": 270, "4.7.0": 90, "4.10.0": 90, "4.12.0": 90} {
		if got := metaTurn(version, 90); got != want {
			t.Errorf("OpenCV %s says 90: turned by %d, want %d", version, got, want)
		}
	}
	for angle, want := range map[int]int{0: 0, -90: 270, 180: 180, -180: 180, 270: 270, 360: 0} {
		if got := metaTurn("4.12.0", angle); got != want {
			t.Errorf("angle %d: turned by %d, want %d", angle, got, want)
		}
	}
}

func TestSizeThatChanges(t *testing.T) {
	dir := t.TempDir()
	var whole []byte
	for _, size := range []string{"96x64", "64x48"} {
		part := madeBy(t, filepath.Join(dir, size+".ts"), "-f lavfi -i testsrc=rate=10:size="+size+" -frames:v 6 -c:v libx264 -f mpegts")
		data, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, data...)
	}
	path := filepath.Join(dir, "both.ts")
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, within := range []bool{false, true} {
		s := openFileOf(t, path, Options{InProcess: within})
		var f camera.Frame
		sizes := map[string]int{}
		err := s.Next(t.Context(), &f)
		for ; err == nil; err = s.Next(t.Context(), &f) {
			sizes[fmt.Sprintf("%dx%d", f.Width, f.Height)]++
		}
		stopped := errors.Is(err, camera.ErrNoPicture) && strings.Contains(err.Error(), "from picture 7 on its size is 64x48 instead of 96x64") && len(sizes) == 1
		followed := err == io.EOF && sizes["64x48"] == 6 // FFmpeg 4 lets OpenCV follow
		if sizes["96x64"] != 6 || !stopped && !followed {
			t.Errorf("in this process %v: %v, then %v", within, sizes, err)
		}
	}
}

// TestTimesOfTheSource has frames of several lengths that are stored in another order than
// they are shown in, and start late.
func TestTimesOfTheSource(t *testing.T) {
	const steps = "-f lavfi -i testsrc=rate=10:size=96x64 -frames:v 24 -vf setpts=N+gt(N\\,8)*(N-8) -vsync passthrough -c:v libx264 -bf 2 -output_ts_offset 3"
	for _, ext := range []string{"mp4", "mkv", "ts"} {
		t.Run(ext, func(t *testing.T) {
			s := openFileOf(t, madeBy(t, filepath.Join(t.TempDir(), "vfr."+ext), steps), Options{})
			for n := range 24 {
				var f camera.Frame
				if err := s.Next(t.Context(), &f); err != nil {
					t.Fatalf("frame %d: %v", n, err)
				}
				want := time.Duration(100*n+100*max(0, n-8)) * time.Millisecond
				// A tick is at most 1 ms, rounded at the first frame and at this one.
				if d := (f.PTS - want).Abs(); d > 2*time.Millisecond {
					t.Errorf("frame %d at %v, want %v", n, f.PTS, want)
				}
			}
		})
	}
}

func TestRecordingOverHTTPEnds(t *testing.T) {
	dir := t.TempDir()
	film(t, filepath.Join(dir, "a.mp4"), "mp4v", 64, 48, 12)
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	ref, err := camera.Parse(web.URL + "/a.mp4")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), ref, Options{Reconnect: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var f camera.Frame
	for err == nil {
		err = s.Next(t.Context(), &f)
	}
	if err != io.EOF || f.Seq != 12 {
		t.Errorf("%d frames, then %v; want 12 and io.EOF", f.Seq, err)
	}
}

// A clip that was cut without being coded anew counts frames that it does not show.
func TestRecordingOverHTTPWithFewerFramesThanItCounts(t *testing.T) {
	var log strings.Builder
	o := Options{Reconnect: true, Log: slog.New(slog.NewTextHandler(&log, nil))}.filled()
	c, err := newCapture(t.Context(), camera.Ref{Kind: camera.Stream, URI: "http://a/b.mp4", Path: "http://a/b.mp4"}, o, func(context.Context) (handle, error) {
		return counted{&fake{frames: 3, closed: make(chan struct{})}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var f camera.Frame
	for err == nil {
		err = c.Next(t.Context(), &f)
	}
	if err != io.EOF || f.Seq != 3 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "frames=3 of=52") {
		t.Errorf("%d frames, then %v\n%s", f.Seq, err, &log)
	}
}

// counted is a fake whose container counts 52 frames.
type counted struct{ *fake }

func (c counted) Info() Info { return Info{Width: 2, Height: 1, FPS: 10, Frames: 52} }

func TestSourceThatIsNotThereYet(t *testing.T) {
	var log strings.Builder
	o := Options{Reconnect: true, Pause: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}.filled()
	p := &plug{handles: []*fake{nil, nil, {frames: 2}}}
	c, err := newCapture(t.Context(), webcam, o, p.open)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.Lost() || c.Info() != (Info{}) {
		t.Errorf("lost %v, %+v", c.Lost(), c.Info())
	}
	var f camera.Frame
	if err := c.Next(t.Context(), &f); err != nil || f.Seq != 1 || c.Lost() || c.Info().Width != 2 {
		t.Errorf("frame %d, %v, lost %v, %+v", f.Seq, err, c.Lost(), c.Info())
	}
	for _, says := range []string{"waiting for it", "source is back"} {
		if strings.Count(log.String(), says) != 1 {
			t.Errorf("%q is not said once:\n%s", says, &log)
		}
	}
	gone := camera.Ref{Kind: camera.File, URI: "gone.mp4", Path: filepath.Join(t.TempDir(), "gone.mp4")}
	if _, err := Open(t.Context(), gone, o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v, want an error at once", err)
	}
}

// TestKeptFramesStay holds that no frame is a view of the memory that the child writes into.
func TestKeptFramesStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.avi")
	film(t, path, "MJPG", 64, 48, 100)
	s := openFileOf(t, path, Options{})
	seed := maphash.MakeSeed()
	var kept []*camera.Frame
	var sums []uint64
	for range 100 {
		f := new(camera.Frame)
		if err := s.Next(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		kept, sums = append(kept, f), append(sums, maphash.Bytes(seed, f.Pix))
	}
	if err := s.Next(t.Context(), new(camera.Frame)); err != io.EOF {
		t.Fatal(err)
	}
	for i, f := range kept {
		if maphash.Bytes(seed, f.Pix) != sums[i] {
			t.Errorf("frame %d has changed since", i+1)
		}
	}
}
