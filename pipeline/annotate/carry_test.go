package annotate

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

// A swing is a recording of a patch with texture that swings before a background with
// texture, at 25 frames a second.
type swing struct {
	n           int
	back, patch []byte
}

const swingWide, swingHigh, swingSide = 320, 240, 60

func newSwing() *swing {
	rng := rand.New(rand.NewPCG(1, 2))
	texture := func(w, h int) []byte {
		pix := make([]byte, w*h)
		for y := range h {
			for x := range w {
				v := byte(rng.IntN(256))
				if x%4 != 0 || y%4 != 0 { // blocks of 4x4: detail that survives scaling
					v = pix[(y-y%4)*w+x-x%4]
				}
				pix[y*w+x] = v
			}
		}
		return pix
	}
	return &swing{back: texture(swingWide, swingHigh), patch: texture(swingSide, swingSide)}
}

// box is where the patch is on frame n.
func (s *swing) box(n int) model.Box {
	x := float32(int(130 + 100*math.Sin(2*math.Pi*float64(n)/100)))
	return model.Box{X1: x, Y1: 90, X2: x + swingSide, Y2: 90 + swingSide}
}

func (s *swing) Next(f *camera.Frame) error {
	if s.n == 83 {
		return io.EOF
	}
	f.Resize(swingWide, swingHigh)
	b := s.box(s.n)
	for y := range swingHigh {
		for x := range swingWide {
			v := s.back[y*swingWide+x] / 2
			if px, py := x-int(b.X1), y-int(b.Y1); px >= 0 && px < swingSide && py >= 0 && py < swingSide {
				v = s.patch[py*swingSide+px]
			}
			at := 3 * (y*swingWide + x)
			f.Pix[at], f.Pix[at+1], f.Pix[at+2] = v, v, v
		}
	}
	f.PTS = time.Duration(s.n) * 40 * time.Millisecond
	s.n++
	f.Seq = uint64(s.n)
	return nil
}

// passed is what is found where one frame in 15 is answered, rightly.
func passed(t *testing.T, s *swing) *Video {
	t.Helper()
	c := NewCollector("v", "v.mp4", []string{"it"}, DefaultSettings, nil)
	var f camera.Frame
	for n := 0; s.Next(&f) == nil; n++ {
		var answers []model.Answer
		if n%15 == 0 {
			answers = []model.Answer{{Phrase: "it", Present: true, Presence: 0.9, Boxes: []model.Box{s.box(n)}, Scores: []float32{0.8}}}
		}
		if err := c.Take(&f, answers); err != nil {
			t.Fatal(err)
		}
	}
	v, err := c.Video()
	if err != nil || len(v.Tracks) != 1 || len(v.Tracks[0].Boxes) != 83 {
		t.Fatalf("tracks %+v, %v", v.Tracks, err)
	}
	return v
}

// off is the mean distance of the boxes from where the patch is, pixels.
func off(s *swing, v *Video) float64 {
	var sum float64
	for _, b := range v.Tracks[0].Boxes {
		sum += math.Abs(float64(b.X1 - s.box(b.Frame).X1))
	}
	return sum / float64(len(v.Tracks[0].Boxes))
}

// TestCarry: boxes of frames that were passed over follow what moves. A straight line
// between two answers is off by what the swing is curved.
func TestCarry(t *testing.T) {
	s := newSwing()
	v := passed(t, s)
	straight := off(s, v)
	if !v.Passed() || straight < 3 {
		t.Fatalf("on a straight line the boxes are off by %.1f pixels: the swing is no test", straight)
	}
	s.n = 0
	if err := v.Carry(s.Next); err != nil {
		t.Fatal(err)
	}
	if carried := off(s, v); carried > 1 { // the flow is exact to a part of a pixel, boxes stand on whole ones
		t.Errorf("carried, they are off by %.2f pixels (on a straight line %.1f)", carried, straight)
	}
	for _, n := range []int{0, 15, 30, 45, 60, 75} {
		if b := v.Tracks[0].Boxes[n]; b.Box != s.box(n) {
			t.Errorf("the answer of frame %d was moved to %+v", n, b)
		}
	}
}

func TestCarryOfARecordingThatIsCutShort(t *testing.T) {
	s := newSwing()
	v := passed(t, s)
	s.n = 40
	if err := v.Carry(s.Next); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
