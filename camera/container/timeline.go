package container

import (
	"math"
	"slices"
	"time"
)

const (
	mostLast   = 64 // frames in Facts.Last
	maxReorder = 16 // frames by which decoding and presentation order may differ (H.264, max_dec_frame_buffering)
	keep       = mostLast + 2*maxReorder
	maxSeconds = math.MaxInt64 / int64(time.Second)
)

// A timeline takes presentation times in decoding order and keeps the earliest of the first
// ones and the last ones. Its unit is the track's tick.
type timeline struct {
	n     int64 // how many were added
	first int64
	last  []int64 // in decoding order, at least keep of them if there were as many
}

func (t *timeline) add(pts int64) {
	if t.n == 0 || t.n < mostLast && pts < t.first {
		t.first = pts
	}
	t.n++
	if len(t.last) >= 2*keep {
		t.last = t.last[:copy(t.last, t.last[len(t.last)-keep:])]
	}
	t.last = append(t.last, pts)
}

// addRun adds count times that are step apart; those that nothing depends on are left out.
func (t *timeline) addRun(first, step, count int64) {
	for i := range count {
		if i == mostLast && count > mostLast+keep {
			break
		}
		t.add(first + i*step)
	}
	if count > mostLast+keep {
		for i := count - keep; i < count; i++ {
			t.add(first + i*step)
		}
	}
}

// durations are the last times, counted from the first, where there are at most 1<<32 ticks a
// second. They are nil where they are in no order that a decoder could restore, as after a
// clock that was set back, or are out of range.
func (t *timeline) durations(perSecond int64) []time.Duration {
	if t.n == 0 || perSecond <= 0 {
		return nil
	}
	decoded := t.last[max(0, len(t.last)-keep):]
	shown := slices.Sorted(slices.Values(decoded))
	for i, pts := range decoded {
		// Frames of one time have several places; the nearest one counts.
		low, _ := slices.BinarySearch(shown, pts)
		high, _ := slices.BinarySearch(shown, pts+1)
		if low-i > maxReorder || i-(high-1) > maxReorder {
			return nil
		}
	}
	var last []time.Duration
	for _, pts := range shown[max(0, len(shown)-mostLast):] {
		d := pts - t.first
		if d < 0 { // not shown: its references come before the first frame
			continue
		}
		if d/perSecond >= maxSeconds {
			return nil
		}
		last = append(last, time.Duration(d/perSecond)*time.Second+time.Duration(d%perSecond*int64(time.Second)/perSecond))
	}
	return last
}
