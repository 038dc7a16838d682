package model

import "math"

// Round keeps so many digits after the point, for people who read JSON. What is no
// number, or has no end, becomes 0, which JSON can say.
func Round(x float64, digits int) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}
