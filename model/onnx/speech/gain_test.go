package speech

import (
	"math"
	"testing"
)

func TestGain(t *testing.T) {
	for name, tt := range map[string]struct {
		pcm  []float32
		want float32
	}{
		"loud":       {[]float32{0.1, -0.9}, 1},
		"quiet":      {[]float32{0.03, -0.1}, 3},
		"very quiet": {[]float32{0.0001}, maxGain},
		"silence":    {[]float32{0, 0}, 1},
		"nothing":    {nil, 1},
		"no number":  {[]float32{0.1, float32(math.NaN())}, 1},
	} {
		if got := gain(tt.pcm); !(math.Abs(float64(got-tt.want)) <= 1e-5) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
