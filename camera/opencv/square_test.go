package opencv

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"gocv.io/x/gocv"

	"deixis/camera"
)

func TestSquare(t *testing.T) {
	s := NewSquarer()
	defer s.Close()
	rgb := make([]byte, 3*8*8)
	for _, f := range []*camera.Frame{picture(64, 32), picture(4, 40), picture(8, 8)} {
		if err := s.Square(f, 8, rgb); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(rgb[:3], []byte{255, 0, 0}) || !bytes.Equal(rgb[len(rgb)-3:], []byte{0, 0, 255}) {
			t.Errorf("%dx%d: first %v, last %v; want red, blue as RGB", f.Width, f.Height, rgb[:3], rgb[len(rgb)-3:])
		}
	}
	if s.Square(picture(8, 8), 9, rgb) == nil || s.Square(&camera.Frame{}, 8, rgb) == nil || s.Square(picture(8, 8), 0, nil) == nil {
		t.Error("Square took sizes that do not fit")
	}
}

// What the network sees differs little from means over areas, of whatever size
// the frame is.
func TestSquareIsNearlyAMeanOverAreas(t *testing.T) {
	var photo camera.Frame
	if err := ReadImage(filepath.Join("..", "..", "assets", "golden", "frame.png"), &photo); err != nil {
		t.Fatal(err)
	}
	const side = 320
	s := NewSquarer()
	defer s.Close()
	for _, wh := range [][2]int{{640, 480}, {320, 240}, {1280, 720}, {1920, 1080}, {720, 1280}, {3840, 2160}} {
		t.Run(fmt.Sprint(wh[0], "x", wh[1]), func(t *testing.T) {
			f, got := scaled(t, &photo, wh[0], wh[1]), make([]byte, 3*side*side)
			if err := s.Square(f, side, got); err != nil {
				t.Fatal(err)
			}
			mean := apart(t, f, side, got)
			t.Logf("%.2f of 255 steps in the mean", mean)
			if mean > 2 {
				t.Errorf("it differs by %.2f of 255 steps in the mean", mean)
			}
		})
	}
}

// scaled is f side by side with itself until it is detailed enough, at w by h.
func scaled(t *testing.T, f *camera.Frame, w, h int) *camera.Frame {
	t.Helper()
	mat, err := over(f)
	if err != nil {
		t.Fatal(err)
	}
	defer mat.Close()
	many, large := gocv.NewMat(), gocv.NewMat()
	defer many.Close()
	defer large.Close()
	n := max(1, w/f.Width)
	gocv.Repeat(mat, n, n, &many)
	if err := gocv.Resize(many, &large, size(w, h), 0, 0, gocv.InterpolationArea); err != nil {
		t.Fatal(err)
	}
	to := &camera.Frame{}
	if err := copyOut(&large, nil, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// apart is the mean difference of rgb from OpenCV's mean of f over areas, steps of 0..255.
func apart(t *testing.T, f *camera.Frame, side int, rgb []byte) float64 {
	t.Helper()
	mat, err := over(f)
	if err != nil {
		t.Fatal(err)
	}
	defer mat.Close()
	whole := gocv.NewMat()
	defer whole.Close()
	if err := gocv.Resize(mat, &whole, size(side, side), 0, 0, gocv.InterpolationArea); err != nil {
		t.Fatal(err)
	}
	want, err := whole.DataPtrUint8()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for i := 0; i < len(rgb); i += 3 {
		for c := range 3 {
			d := int(rgb[i+c]) - int(want[i+2-c])
			sum += max(d, -d)
		}
	}
	return float64(sum) / float64(len(rgb))
}

func BenchmarkSquare(b *testing.B) {
	s := NewSquarer()
	defer s.Close()
	for _, wh := range [][2]int{{640, 480}, {1280, 720}, {1920, 1080}} {
		b.Run(fmt.Sprint(wh[0], "x", wh[1]), func(b *testing.B) {
			f, rgb := picture(wh[0], wh[1]), make([]byte, 3*320*320)
			for b.Loop() {
				if err := s.Square(f, 320, rgb); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
