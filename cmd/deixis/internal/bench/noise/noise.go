// Package noise makes sound without a word in it, to try who listens: what is
// heard in rooms, streets and kitchens, and music.
package noise

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"deixis/pipeline/listen"
)

// A Source is one kind of noise after the other, again and again at different
// loudness, until it has lasted. It is the same each time.
type Source struct {
	left  int // samples
	r     *rand.Rand
	kind  int // the next one
	voice func() float64
	rest  int // samples of it
	loud  float64
}

// Each kind lasts so long at a time.
const (
	shortest = 10 * time.Second
	longest  = 40 * time.Second
)

// New is noise that lasts so long.
func New(long time.Duration) *Source {
	return &Source{left: samples(long.Seconds()), r: rand.New(rand.NewPCG(2, 3))}
}

// Kinds are the names of what can be heard.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// Kind is what is heard at the moment; "" before the first.
func (s *Source) Kind() string {
	if s.voice == nil {
		return ""
	}
	return kinds[(s.kind+len(kinds)-1)%len(kinds)].name
}

// Read fills pcm as fast as it is asked.
func (s *Source) Read(ctx context.Context, pcm []float32) (int, error) {
	if s.left == 0 || ctx.Err() != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, io.EOF
	}
	n := min(len(pcm), s.left)
	for i := range n {
		if s.rest == 0 {
			s.change()
		}
		s.rest--
		pcm[i] = float32(max(-1, min(1, s.loud*s.voice())))
	}
	s.left -= n
	return n, nil
}

// Close does nothing.
func (s *Source) Close() error { return nil }

// change goes on to the next kind.
func (s *Source) change() {
	s.voice = kinds[s.kind%len(kinds)].make(s.r)
	s.kind++
	s.rest = samples(shortest.Seconds() + s.r.Float64()*(longest-shortest).Seconds())
	s.loud = math.Pow(10, -1.7*s.r.Float64()) // 0 to -34 dB
}

// kinds give a sample at each call, mostly within -0.5 to 0.5.
var kinds = []struct {
	name string
	make func(r *rand.Rand) func() float64
}{
	{"hiss", hiss}, {"rumble", rumble}, {"wind", wind}, {"hum", hum}, {"typing", typing}, {"knocking", knocking}, {"rain", rain},
	{"music", music}, {"drums", drums}, {"birds", birds}, {"siren", siren}, {"alarm", alarm}, {"engine", engine}, {"room", room},
	{"mumbling", mumbling}, {"crowd", crowd},
}

func samples(seconds float64) int { return int(seconds * listen.Rate) }

func hiss(r *rand.Rand) func() float64 { return func() float64 { return 0.15 * r.NormFloat64() } }

// rumble is brown noise, as of traffic behind a window.
func rumble(r *rand.Rand) func() float64 {
	var x float64
	return func() float64 {
		x = 0.995*x + 0.02*r.NormFloat64()
		return x
	}
}

// wind is rumble that comes and goes.
func wind(r *rand.Rand) func() float64 {
	low, gust := rumble(r), wander(r, 0.3)
	return func() float64 { return 2 * low() * gust() }
}

// wander goes slowly between 0 and 1, about so many times a second.
func wander(r *rand.Rand, hz float64) func() float64 {
	from, to, at, step := r.Float64(), r.Float64(), 0.0, hz/listen.Rate
	return func() float64 {
		if at += step; at >= 1 {
			from, to, at = to, r.Float64(), 0
		}
		return from + (to-from)*(1-math.Cos(math.Pi*at))/2
	}
}

// tone is a sine whose frequency may change from call to call.
func tone() func(hz float64) float64 {
	var phase float64
	return func(hz float64) float64 {
		phase = math.Mod(phase+2*math.Pi*hz/listen.Rate, 2*math.Pi)
		return math.Sin(phase)
	}
}

// hum is that of the mains, with harmonics.
func hum(r *rand.Rand) func() float64 {
	tones := [4]func(float64) float64{tone(), tone(), tone(), tone()}
	hz := []float64{50, 60}[r.IntN(2)]
	return func() float64 {
		var x float64
		for i, t := range tones {
			x += t(hz*float64(i+1)) / float64(i+2)
		}
		return 0.3*x + 0.005*r.NormFloat64()
	}
}

// strokes are bursts of noise through a resonance, so many a second.
func strokes(r *rand.Rand, each, lasts, from, to float64) func() float64 {
	var x, y, size, hz float64
	return func() float64 {
		if r.Float64() < each/listen.Rate {
			size, hz = 0.3+0.7*r.Float64(), from+(to-from)*r.Float64()
		}
		size *= math.Exp(-1 / (lasts * listen.Rate))
		w := 2 * math.Pi * hz / listen.Rate
		x, y = 1.94*math.Cos(w)*x-0.94*y+0.3*size*r.NormFloat64(), x
		return 0.4*x + 0.002*r.NormFloat64()
	}
}

func typing(r *rand.Rand) func() float64   { return strokes(r, 6, 0.006, 1500, 5000) }
func knocking(r *rand.Rand) func() float64 { return strokes(r, 1.5, 0.04, 100, 600) }
func rain(r *rand.Rand) func() float64     { return strokes(r, 300, 0.002, 800, 6000) }

// drums are low and high strokes in time.
func drums(r *rand.Rand) func() float64 {
	beat, n := samples(60/(80+80*r.Float64())/2), 0
	var low, high float64
	skin := tone()
	return func() float64 {
		if n%beat == 0 {
			if n/beat%2 == 0 {
				low = 1
			}
			high = 0.3 + 0.4*r.Float64()
		}
		n++
		low, high = low*0.9997, high*0.998
		return 0.4*low*skin(55+40*low) + 0.15*high*r.NormFloat64()
	}
}

// music are chords and a melody on strings of a few harmonics.
func music(r *rand.Rand) func() float64 {
	scale := []float64{0, 2, 4, 5, 7, 9, 11, 12, 14, 16}
	root := 110 * math.Pow(2, r.Float64())
	type chord struct {
		hz, size float64
		tones    [3]func(float64) float64
	}
	var all [4]chord
	for i := range all {
		all[i].tones = [3]func(float64) float64{tone(), tone(), tone()}
	}
	step, n := samples(0.2+0.3*r.Float64()), 0
	return func() float64 {
		if n%step == 0 {
			for i := range all {
				if i == 0 && r.Float64() < 0.8 || n/step%4 == 0 {
					all[i].hz, all[i].size = root*math.Pow(2, scale[r.IntN(len(scale))]/12), 1
				}
			}
		}
		n++
		var x float64
		for i := range all {
			all[i].size *= 0.99993
			for h, t := range all[i].tones {
				x += all[i].size * t(all[i].hz*float64(h+1)) / float64((h+1)*(h+2))
			}
		}
		return 0.18 * x
	}
}

// birds chirp now and then.
func birds(r *rand.Rand) func() float64 {
	var at, long, from, to float64
	t := tone()
	return func() float64 {
		if at >= long {
			if r.Float64() > 3.0/listen.Rate {
				return 0.003 * r.NormFloat64()
			}
			at, long, from, to = 0, 0.05+0.2*r.Float64(), 2000+3000*r.Float64(), 2000+3000*r.Float64()
		}
		at += 1.0 / listen.Rate
		share := at / long
		return 0.3 * math.Sin(math.Pi*min(1, share)) * t(from+(to-from)*share)
	}
}

// siren goes up and down.
func siren(r *rand.Rand) func() float64 {
	t, sweep := tone(), tone()
	hz := 0.2 + 0.5*r.Float64()
	return func() float64 { return 0.3 * t(900+400*sweep(hz)) }
}

// alarm beeps.
func alarm(r *rand.Rand) func() float64 {
	t, hz, n := tone(), 800+2000*r.Float64(), 0
	return func() float64 {
		n++
		if n%listen.Rate > listen.Rate/3 {
			return 0.002 * r.NormFloat64()
		}
		return 0.3 * t(hz)
	}
}

// engine is a buzz at a speed that changes.
func engine(r *rand.Rand) func() float64 {
	speed := wander(r, 0.2)
	var phase, low float64
	return func() float64 {
		phase = math.Mod(phase+(30+60*speed())/listen.Rate, 1)
		low = 0.9*low + 0.1*(phase-0.5)
		return 0.7*low + 0.02*r.NormFloat64()
	}
}

// room is as quiet as rooms are.
func room(r *rand.Rand) func() float64 { return func() float64 { return 0.002 * r.NormFloat64() } }

// mumbling is a voice that goes from vowel to vowel and says nothing.
func mumbling(r *rand.Rand) func() float64 {
	pitch, syllable := wander(r, 2), wander(r, 4)
	first, second := wander(r, 3), wander(r, 3)
	var phase float64
	throat, mouth := resonance(), resonance()
	base := 90 + 100*r.Float64()
	return func() float64 {
		phase = math.Mod(phase+base*(0.9+0.3*pitch())/listen.Rate, 1)
		pulse := math.Exp(-12*phase) - 0.08 // of the glottis
		return 0.25 * syllable() * (throat(pulse, 300+500*first()) + 0.5*mouth(pulse, 900+1400*second()))
	}
}

// resonance is a filter that rings at a frequency, which may change.
func resonance() func(x, hz float64) float64 {
	const ring = 0.97
	var y, z float64
	return func(x, hz float64) float64 {
		y, z = (1-ring)*4*x+2*ring*math.Cos(2*math.Pi*hz/listen.Rate)*y-ring*ring*z, y
		return y
	}
}

// crowd are several who mumble at once.
func crowd(r *rand.Rand) func() float64 {
	var all [6]func() float64
	for i := range all {
		all[i] = mumbling(r)
	}
	return func() float64 {
		var x float64
		for _, one := range all {
			x += one() / 2
		}
		return x
	}
}
