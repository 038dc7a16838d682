package listen

import "math"

// lobes is how many zero crossings the resampler's filter has on each side.
const lobes = 16

// A resampler turns sound of one rate into sound of another with a windowed
// sinc, which keeps what both rates can hold and lets nothing fold back.
type resampler struct {
	up, down int         // rates, by their greatest common divisor
	taps     [][]float32 // of each phase, up of them
	half     int         // samples that a filter reaches to each side

	seen  []float32 // what filters may still reach
	phase int       // of the next output sample, 0 to up-1
}

func newResampler(from, to int) *resampler {
	g := gcd(from, to)
	r := &resampler{up: to / g, down: from / g}
	if r.up == r.down {
		return r
	}
	cutoff := min(1, float64(to)/float64(from)) * 0.95 // of half the source's rate
	r.half = int(math.Ceil(lobes / cutoff))
	r.taps = make([][]float32, r.up)
	for p := range r.taps {
		r.taps[p] = filter(r.half, cutoff, float64(p)/float64(r.up))
	}
	r.seen = make([]float32, r.half-1) // silence before the first sample
	return r
}

// filter has the weights of 2*half samples for a place between the two in the
// middle, shift behind the first of them.
func filter(half int, cutoff, shift float64) []float32 {
	w := make([]float32, 2*half)
	var sum float64
	each := make([]float64, len(w))
	for i := range each {
		x := float64(i-half+1) - shift
		hann := 0.5 + 0.5*math.Cos(math.Pi*x/float64(half))
		each[i] = cutoff * sinc(cutoff*x) * hann
		sum += each[i]
	}
	for i, v := range each {
		w[i] = float32(v / sum)
	}
	return w
}

// push takes samples and appends those to out that they complete.
func (r *resampler) push(out, pcm []float32) []float32 {
	if r.taps == nil {
		return append(out, pcm...)
	}
	r.seen = append(r.seen, pcm...)
	at := 0
	for len(r.seen)-at >= 2*r.half {
		var sum float32
		window := r.seen[at : at+2*r.half]
		for i, w := range r.taps[r.phase] {
			sum += w * window[i]
		}
		out = append(out, sum)
		r.phase += r.down
		at += r.phase / r.up
		r.phase %= r.up
	}
	r.seen = r.seen[:copy(r.seen, r.seen[at:])]
	return out
}

// flush appends what silence behind the last sample completes.
func (r *resampler) flush(out []float32) []float32 {
	if r.taps == nil {
		return out
	}
	return r.push(out, make([]float32, r.half))
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
