package app

import (
	"slices"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// Spread says how times lie, ms: half of them are at most P50.
type Spread struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// SpreadOf is where the middle and the slowest of some times lie, ms.
func SpreadOf(ms []float64) Spread {
	if len(ms) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(ms))
	at := func(share float64) float64 { return model.Round(sorted[int(share*float64(len(sorted)-1)+0.5)], 3) }
	return Spread{at(0.5), at(0.95), at(0.99)}
}

// WordErrors is how many words must be changed, added or taken away to make a b.
func WordErrors(a, b []string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		next := make([]int, len(row))
		next[0] = i + 1
		for j, y := range b {
			cost := row[j]
			if x != y {
				cost++
			}
			next[j+1] = min(cost, row[j+1]+1, next[j]+1)
		}
		row = next
	}
	return row[len(b)]
}

// SpreadFrom is how the times of a stage lie.
func SpreadFrom(of pipeline.Spread) Spread { return Spread{MS(of.P50), MS(of.P95), MS(of.P99)} }

// MS is a time in milliseconds, for reports.
func MS(d time.Duration) float64 { return model.Round(float64(d)/float64(time.Millisecond), 3) }
