package listen

import (
	"math"
	"testing"
)

// tone is a chunk whose samples are all of one magnitude, by turns above and below
// nought, and so of that magnitude squared in power.
func tone(magnitude float64) []float32 {
	pcm := make([]float32, Chunk)
	for i := range pcm {
		pcm[i] = float32(magnitude)
		if i%2 == 1 {
			pcm[i] = -pcm[i]
		}
	}
	return pcm
}

func feed(m *meter, n int, chunk []float32, voice, speech bool) {
	for range n {
		m.add(chunk, voice, speech)
	}
}

func close32(got float32, want, by float64) bool { return math.Abs(float64(got)-want) <= by }

func TestLevelOfAnUtterance(t *testing.T) {
	var m meter
	m.add([]float32{0.25, -0.5, 0, 0}, false, true)
	if l := m.level(); l.Peak != 0.5 || !close32(l.RMS, math.Sqrt(0.3125/4), 1e-6) || l.Voiced || l.Clipped != 0 {
		t.Errorf("no voice in it: %+v", l)
	}
	m.add([]float32{-1, 0.999, 0.25, 0.25}, true, true)
	// Both chunks count, but for the loudness, which is that of the voice.
	if l := m.level(); l.Peak != 1 || !close32(l.RMS, math.Sqrt((1+0.998001+0.125)/4), 1e-6) || !l.Voiced || l.Clipped != 0.25 {
		t.Errorf("with a voice: %+v", l)
	}
	if l := m.now(); l.Peak != 1 || l.Clipped != 0.25 || !close32(l.RMS, math.Sqrt((0.3125+2.123001)/8), 1e-6) || !math.IsNaN(float64(l.SNR)) {
		t.Errorf("of late: %+v", l)
	}
	feed(&m, recently-1, tone(0.1), false, false)
	if l := m.now(); l.Peak != 1 {
		t.Errorf("the loud chunk is the oldest of the last %d: %+v", recently, l)
	}
	m.add(tone(0.1), false, false)
	if l := m.now(); !close32(l.Peak, 0.1, 1e-6) || l.Clipped != 0 || !close32(l.RMS, 0.1, 1e-6) {
		t.Errorf("the loud chunk is long past: %+v", l)
	}
	if m.level().Peak != 0 {
		t.Errorf("what is no speech is part of an utterance: %+v", m.level())
	}
}

// Power 0.01 lies behind a voice of 1 beside it: 20 dB.
func TestSNR(t *testing.T) {
	calm, voice := tone(0.1), tone(math.Sqrt(1.01))
	for name, tt := range map[string]struct {
		before func(m *meter)
		want   float64 // dB; NaN: not known
	}{
		"known":               {func(m *meter) { feed(m, 2*onset, calm, false, false) }, 20},
		"one chunk too short": {func(m *meter) { feed(m, 2*onset-1, calm, false, false) }, math.NaN()},
		"a voice that begins": {func(m *meter) { feed(m, 2*onset, calm, false, false); feed(m, onset, voice, false, false) }, 20},
		"silence":             {func(m *meter) { feed(m, 2*onset, tone(0), false, false) }, mostSNR},
		"as loud as a voice":  {func(m *meter) { feed(m, 2*onset, tone(2), false, false) }, 0},
		"it was louder once":  {func(m *meter) { feed(m, 2*onset, voice, false, false); feed(m, 200, calm, false, false) }, 20},
	} {
		var m meter
		tt.before(&m)
		feed(&m, 3, voice, true, true)
		got := m.level().SNR
		if math.IsNaN(tt.want) != math.IsNaN(float64(got)) || !math.IsNaN(tt.want) && !close32(got, tt.want, 0.05) {
			t.Errorf("%s: %v dB, want %v", name, got, tt.want)
		}
	}
	// The first chunks count alike: 4 of 0.01 and 4 of 0.03 are 0.02 of power.
	var m meter
	feed(&m, 4, tone(0.1), false, false)
	feed(&m, 4, tone(math.Sqrt(0.03)), false, false)
	feed(&m, onset, calm, false, false)
	feed(&m, 1, tone(math.Sqrt(2.02)), true, true)
	if got := m.level().SNR; !close32(got, 20, 0.05) {
		t.Errorf("a background of two parts: %v dB, want 20", got)
	}
}
