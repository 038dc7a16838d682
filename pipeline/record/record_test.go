package record

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocv.io/x/gocv"

	"deixis/camera"
)

// leaks reports Mats that nobody closed. The build tag matprofile sets it.
var leaks = func() int { return 0 }

func TestMain(m *testing.M) {
	if path := os.Getenv("RECORD_ENDLESS"); path != "" {
		endless(path)
	}
	code := m.Run()
	if n := leaks(); n > 0 {
		fmt.Fprintf(os.Stderr, "%d Mats were not closed\n", n)
		code = 1
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// grey is a frame of one level, n/10 seconds into the recording.
func grey(w, h, n int) *camera.Frame {
	f := &camera.Frame{Seq: uint64(n + 1), PTS: time.Duration(n) * 100 * time.Millisecond}
	f.Resize(w, h)
	for i := range f.Pix {
		f.Pix[i] = byte(10 * n)
	}
	return f
}

// levels reads a file back: the level of every frame, and its rate.
func levels(t *testing.T, path string) (got []int, fps float64, w, h int) {
	t.Helper()
	in, err := gocv.OpenVideoCapture(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	mat := gocv.NewMat()
	defer mat.Close()
	for in.Read(&mat) {
		got = append(got, int(mat.Mean().Val1))
		w, h = mat.Cols(), mat.Rows()
	}
	return got, in.Get(gocv.VideoCaptureFPS), w, h
}

func record(t *testing.T, o Options, frames ...*camera.Frame) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.mp4")
	r, err := New(path, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := r.Show(t.Context(), f, nil); err != nil {
			t.Fatal(err)
		}
	}
	if r.Codec() != "avc1" && r.Codec() != "mp4v" {
		t.Errorf("Codec() = %q", r.Codec())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// fixed hides ffmpeg from this test.
func fixed(t *testing.T) { t.Setenv("PATH", t.TempDir()) }

func TestEveryFrameOnce(t *testing.T) {
	var frames []*camera.Frame
	for n := range 20 {
		frames = append(frames, grey(64, 48, n))
	}
	for name, hide := range map[string]func(*testing.T){"OpenCV": fixed, "FFmpeg, where it is installed": func(*testing.T) {}} {
		t.Run(name, func(t *testing.T) {
			hide(t)
			got, fps, w, h := levels(t, record(t, Options{FPS: 10}, frames...))
			if len(got) != 20 || math.Abs(fps-10) > 0.01 || w != 64 || h != 48 {
				t.Errorf("%d frames of %dx%d at %v", len(got), w, h, fps)
			}
			for n, level := range got {
				if level < 10*n-5 || level > 10*n+5 {
					t.Errorf("frame %d has level %d", n, level)
				}
			}
		})
	}
}

// A rate that is not that of the source: each frame of the file is one of the source's
// within half an interval of its time.
func TestFixedRateKeepsTimes(t *testing.T) {
	fixed(t)
	at := []int{0, 1, 2, 7, 8, 20, 21} // tenths of a second
	var frames []*camera.Frame
	for _, n := range at {
		frames = append(frames, grey(64, 48, n))
	}
	for _, fps := range []float64{10, 12.5, 25} {
		got, _, _, _ := levels(t, record(t, Options{FPS: fps}, frames...))
		if want := int(2.1*fps+0.5) + 1; len(got) != want {
			t.Fatalf("%v a second: %d frames, want %d", fps, len(got), want)
		}
		for _, n := range at {
			slot := int(float64(n)/10*fps + 0.5)
			if level := got[slot]; level < 10*n-5 || level > 10*n+5 {
				t.Errorf("%v a second: at %d00 ms, frame %d of the file, the level is %d, want %d", fps, n, slot, level, 10*n)
			}
		}
	}
}

func TestPaceIsKept(t *testing.T) {
	fixed(t)
	for name, tt := range map[string]struct {
		fps  float64
		at   []int // tenths of a second
		want int   // frames in the file
	}{
		"as fast":       {10, []int{0, 1, 2, 3, 4}, 5},
		"slower source": {30, []int{0, 1, 2, 3, 4}, 13},
		"faster source": {5, []int{0, 1, 2, 3, 4}, 3},
		"gap":           {10, []int{0, 9, 10}, 11},
		"starts late":   {10, []int{7, 8, 9}, 3},
		"very long gap": {10, []int{0, 36000, 36001}, 102},
	} {
		t.Run(name, func(t *testing.T) {
			var frames []*camera.Frame
			for _, n := range tt.at {
				frames = append(frames, grey(64, 48, n))
			}
			if got, _, _, _ := levels(t, record(t, Options{FPS: tt.fps}, frames...)); len(got) != tt.want {
				t.Errorf("%d frames, want %d", len(got), tt.want)
			}
		})
	}
}

func TestOddAndChangingSizes(t *testing.T) {
	got, _, w, h := levels(t, record(t, Options{}, grey(65, 47, 9), grey(320, 20, 9), grey(10, 90, 9), grey(1, 1, 9)))
	if len(got) != 4 || w != 64 || h != 46 {
		t.Errorf("%d frames of %dx%d, want 4 of 64x46", len(got), w, h)
	}
}

func TestWhereNothingCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"no such folder":  filepath.Join(dir, "none", "a.mp4"),
		"another kind":    filepath.Join(dir, "a.gif"),
		"folder in place": dir + ".mp4",
	} {
		if strings.HasSuffix(path, dir+".mp4") {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := New(path, Options{}); !errors.Is(err, ErrRecord) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: New = %v, want ErrRecord in one line", name, err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	r, err := New(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	left := uint64(leastFree + 40)
	r.free = func(string) (uint64, error) { left--; return left, nil }
	n := 0
	for ; err == nil && n < 10_000; n++ {
		err = r.Show(t.Context(), grey(64, 48, n%20), nil)
	}
	if !errors.Is(err, ErrRecord) || !strings.Contains(err.Error(), "disk full") || strings.Contains(err.Error(), "\n") {
		t.Errorf("after %d frames: %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if got, _, _, _ := levels(t, path); len(got) != n-1 {
		t.Errorf("the file holds %d frames, %d were taken", len(got), n-1)
	}
}

func TestNothingShownLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	r, err := New(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty file is left: %v", err)
	}
}

func TestWhole(t *testing.T) {
	path := record(t, Options{}, grey(64, 48, 1), grey(64, 48, 2))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !whole(path) {
		t.Error("a good file is not whole")
	}
	for _, n := range []int{0, 3, 8, 40, len(data) / 2, len(data) - 70, len(data) - 1} {
		if err := os.WriteFile(path, data[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		if whole(path) {
			t.Errorf("the first %d of %d bytes are whole", n, len(data))
		}
	}
}
