package model

import (
	"math"
	"testing"
)

func TestRound(t *testing.T) {
	for name, tt := range map[string]struct {
		x      float64
		digits int
		want   float64
	}{
		"down":             {1.2344, 3, 1.234},
		"up":               {1.2345, 2, 1.23},
		"half away from 0": {0.125, 2, 0.13},
		"negative":         {-2.5, 0, -3},
		"no digits":        {7.4, 0, 7},
		"tens":             {1234, -2, 1200},
		"NaN":              {math.NaN(), 2, 0},
		"infinite":         {math.Inf(1), 2, 0},
		"minus infinite":   {math.Inf(-1), 2, 0},
		"huge":             {math.MaxFloat64, 3, math.MaxFloat64},
		"hugely negative":  {-math.MaxFloat64, 3, -math.MaxFloat64},
		"scale of 0":       {1, -400, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Round(tt.x, tt.digits); got != tt.want {
				t.Errorf("Round(%v, %d) = %v, want %v", tt.x, tt.digits, got, tt.want)
			}
		})
	}
}
