package listen

import "math"

// A Level says how loud and clean sound is.
type Level struct {
	Peak    float32 // largest magnitude, 0 to 1
	RMS     float32 // of voiced chunks; of all where none is
	Clipped float32 // share of samples at the converter's limit
	SNR     float32 // voice above the background before it, dB; NaN: not known
	Voiced  bool    // the VAD heard a voice in it
}

// A Fault is what is wrong with sound, in a word that a caption can show.
type Fault string

// The faults, worst first.
const (
	Fine    Fault = ""
	Silent  Fault = "silent"  // not one sample but zero: muted, or no microphone
	Clipped Fault = "clipped" // too loud for the converter
	Noisy   Fault = "noisy"   // half of the words are misheard from here down
	Quiet   Fault = "quiet"
)

// Limits of the faults.
const (
	clippedAt    = 0.999 // magnitude that counts as clipped
	clippedShare = 0.002
	quietPeak    = 0.02 // -34 dB
	leastSNR     = 15   // dB
	mostSNR      = 99   // dB; what silence behind a voice counts as
)

// Fault is the worst thing that is wrong.
func (l Level) Fault() Fault {
	switch {
	case l.Peak == 0:
		return Silent
	case l.Clipped > clippedShare:
		return Clipped
	case l.Voiced && l.SNR < leastSNR: // false for NaN
		return Noisy
	case l.Peak < quietPeak:
		return Quiet
	}
	return Fine
}

// tally counts samples.
type tally struct {
	n, clipped int
	peak       float32
	power      float64 // sum of squares
}

func (t *tally) add(pcm []float32) {
	for _, x := range pcm {
		a := max(x, -x)
		t.peak = max(t.peak, a)
		if a >= clippedAt {
			t.clipped++
		}
		t.power += float64(x) * float64(x)
	}
	t.n += len(pcm)
}

func (t *tally) mean() float64 { return t.power / float64(max(1, t.n)) }

// fades is how much of the background's power a chunk renews: half of it in
// 0.4 seconds.
const fades = 0.05

// onset is how many chunks before a voice is found may hold some of it already:
// they are no background.
const onset = 8

// recently is how many chunks Segmenter.Level looks back; more than onset.
const recently = 32

// A meter measures the present utterance and the background before it.
type meter struct {
	all, voiced tally
	background  float64 // mean power
	calm, known int     // chunks without a voice so far, and those that background is made of
	last        [recently]tally
	next        int
}

// begin starts an utterance.
func (m *meter) begin() { m.all, m.voiced = tally{}, tally{} }

// add measures a chunk: whether a voice is in it, and whether it belongs to an
// utterance or may be the beginning of one.
func (m *meter) add(chunk []float32, voice, speech bool) {
	m.all.add(chunk)
	if voice {
		m.voiced.add(chunk)
	}
	now := tally{}
	now.add(chunk)
	m.last[m.next%recently] = now
	m.next++
	if speech {
		m.calm = 0
		return
	}
	m.begin()
	if m.calm++; m.calm <= onset {
		return
	}
	m.known++
	heard := m.last[(m.next-1-onset)%recently].mean()
	m.background += max(fades, 1/float64(m.known)) * (heard - m.background)
}

func (m *meter) level() Level {
	loud := m.voiced
	if loud.n == 0 {
		loud = m.all
	}
	l := Level{
		Peak: m.all.peak, RMS: float32(math.Sqrt(loud.mean())),
		Clipped: float32(m.all.clipped) / float32(max(1, m.all.n)),
		SNR:     float32(math.NaN()), Voiced: m.voiced.n > 0,
	}
	if m.known >= onset && l.Voiced {
		l.SNR = decibels(loud.mean()-m.background, m.background)
	}
	return l
}

// now is the level of the last chunks, without an SNR.
func (m *meter) now() Level {
	var t tally
	for _, c := range m.last {
		t.n, t.clipped, t.power, t.peak = t.n+c.n, t.clipped+c.clipped, t.power+c.power, max(t.peak, c.peak)
	}
	return Level{
		Peak: t.peak, RMS: float32(math.Sqrt(t.mean())),
		Clipped: float32(t.clipped) / float32(max(1, t.n)), SNR: float32(math.NaN()),
	}
}

func decibels(voice, background float64) float32 {
	switch {
	case voice <= 0:
		return 0
	case background <= 0:
		return mostSNR
	}
	return float32(min(mostSNR, max(0, 10*math.Log10(voice/background))))
}
