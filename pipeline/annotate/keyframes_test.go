package annotate

import (
	"math"
	"math/rand/v2"
	"testing"

	"deixis/model"
)

// TestKeyframes interpolates between keyframes: every box is where it was, within
// Tolerance, and a straight way needs no keyframe but its ends.
func TestKeyframes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, tt := range map[string]struct {
		at   func(n int) float64
		most int // keyframes
	}{
		"still":    {func(int) float64 { return 7 }, 2},
		"straight": {func(n int) float64 { return 3 * float64(n) }, 2},
		"bent":     {func(n int) float64 { return math.Abs(float64(n - 50)) }, 4},
		"curve":    {func(n int) float64 { return 50 * math.Sin(float64(n)/10) }, 30},
		"jitter":   {func(int) float64 { return 0.2 * rng.Float64() }, 2},
		"noise":    {func(int) float64 { return 100 * rng.Float64() }, 100},
	} {
		var track Track
		for n := range 100 {
			x := float32(tt.at(n))
			track.Boxes = append(track.Boxes, Box{Frame: n, Box: model.Box{X1: x, Y1: -x, X2: x + 50, Y2: 100}})
		}
		spans := track.Spans()
		if len(spans) != 1 || spans[0].First != 0 || spans[0].Last != 99 {
			t.Fatalf("%s: spans %+v", name, spans)
		}
		keys := spans[0].Keys
		if len(keys) > tt.most {
			t.Errorf("%s: %d keyframes, want %d at most", name, len(keys), tt.most)
		}
		for k := range len(keys) - 1 {
			a, b := keys[k], keys[k+1]
			for n := a.Frame; n <= b.Frame; n++ {
				s := float64(n-a.Frame) / float64(b.Frame-a.Frame)
				for i, from := range sides(a) {
					got := from + s*(sides(b)[i]-from)
					if want := sides(track.Boxes[n])[i]; math.Abs(got-want) > Tolerance+1e-9 {
						t.Fatalf("%s: frame %d, side %d is at %v, want %v", name, n, i, got, want)
					}
				}
			}
		}
	}
}

func TestSpansEndWhereAThingIsHidden(t *testing.T) {
	var track Track
	for _, n := range []int{3, 4, 5, 9, 20, 21} {
		track.Boxes = append(track.Boxes, Box{Frame: n})
	}
	want := [][3]int{{3, 5, 2}, {9, 9, 1}, {20, 21, 2}}
	spans := track.Spans()
	if len(spans) != len(want) {
		t.Fatalf("spans %+v", spans)
	}
	for i, w := range want {
		if s := spans[i]; s.First != w[0] || s.Last != w[1] || len(s.Keys) != w[2] {
			t.Errorf("span %d is %+v, want %d", i, s, w)
		}
	}
}
