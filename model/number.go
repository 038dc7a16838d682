package model

import "math"

// Round is x with so many digits after the point, for numbers that people
// read in JSON and logs. NaN and infinities, which JSON cannot say, become 0.
// A number too large to have such digits stays as it is.
func Round(x float64, digits int) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	scale := math.Pow10(digits)
	rounded := math.Round(x*scale) / scale
	if math.IsNaN(rounded) || math.IsInf(rounded, 0) { // x*scale left the range of a float64
		return x
	}
	return rounded
}
