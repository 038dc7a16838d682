package pipeline

import "time"

// Bounds are the upper ends of a Histogram's buckets.
var Bounds = [...]time.Duration{
	time.Millisecond / 2, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	33 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
}

// Histogram counts all times of a stage since the line began.
type Histogram struct {
	N      uint64
	Sum    time.Duration
	Counts [len(Bounds)]uint64 // times at most as long as the bound, those of the bounds before included
}

// Add counts one time.
func (h *Histogram) Add(took time.Duration) {
	h.N++
	h.Sum += took
	for i := len(Bounds) - 1; i >= 0 && took <= Bounds[i]; i-- {
		h.Counts[i]++
	}
}

// Histogram is all that came of a stage.
func (t *Timings) Histogram(s Stage) Histogram {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rings[s].all
}
