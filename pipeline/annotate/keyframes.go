package annotate

import "math"

// Tolerance is how far a box between two keyframes may be from where linear
// interpolation puts it, pixels, on each side.
const Tolerance = 0.5

// Shown is a span of frames in which a track is seen without a break.
type Shown struct {
	First, Last int   // frames
	Keys        []Box // the first and last box, and those between that interpolation needs
}

// Spans are the spans of a track with their keyframes: linear interpolation between
// these puts every other box within Tolerance of its place. Greedy: each keyframe is
// as far from the one before as it may be.
func (t *Track) Spans() []Shown {
	var spans []Shown
	for from := 0; from < len(t.Boxes); {
		to := from
		for to+1 < len(t.Boxes) && t.Boxes[to+1].Frame == t.Boxes[to].Frame+1 {
			to++
		}
		run := t.Boxes[from : to+1]
		spans = append(spans, Shown{First: run[0].Frame, Last: run[len(run)-1].Frame, Keys: keys(run)})
		from = to + 1
	}
	return spans
}

// keys are the keyframes of boxes without a break between them.
func keys(run []Box) []Box {
	out := run[:1:1]
	for at := 0; at+1 < len(run); {
		next := reach(run[at:]) + at
		out = append(out, run[next])
		at = next
	}
	return out
}

// reach is the last box of run to which a line from the first passes all between
// within Tolerance. Each box narrows the slopes that a line may have (swing filter).
func reach(run []Box) int {
	var low, high [4]float64
	for i := range low {
		low[i], high[i] = math.Inf(-1), math.Inf(1)
	}
	from := sides(run[0])
	for n := 1; n < len(run); n++ {
		to := sides(run[n])
		for i := range to {
			slope := (to[i] - from[i]) / float64(n)
			if slope < low[i] || slope > high[i] {
				return n - 1
			}
		}
		for i := range to {
			low[i] = max(low[i], (to[i]-Tolerance-from[i])/float64(n))
			high[i] = min(high[i], (to[i]+Tolerance-from[i])/float64(n))
		}
	}
	return len(run) - 1
}

func sides(b Box) [4]float64 {
	return [4]float64{float64(b.X1), float64(b.Y1), float64(b.X2), float64(b.Y2)}
}
