package listen

import (
	"fmt"
	"time"
)

// Segmenting says when an utterance begins and ends. Defaults are what was
// measured on phrases of two seconds with a second of silence around.
type Segmenting struct {
	On, Off float32       // probability of speech that begins one, and below which it may end
	Silence time.Duration // below Off for so long ends it
	Voiced  time.Duration // shorter speech is a click
	PreRoll time.Duration // sound before its beginning, which is found late
	Tail    time.Duration // sound after its end
	Most    time.Duration // a longer one is cut
}

// DefaultSegmenting suits the VAD of model/onnx/speech.
var DefaultSegmenting = Segmenting{
	On: 0.5, Off: 0.35,
	Silence: 480 * time.Millisecond, Voiced: 250 * time.Millisecond,
	PreRoll: 400 * time.Millisecond, Tail: 250 * time.Millisecond, Most: 12 * time.Second,
}

// An Utterance is what somebody said without a pause.
type Utterance struct {
	PCM        []float32
	Start, End time.Duration // of PCM, since the first sample of the source
	Spoken     time.Duration // when the voice fell silent, or the key was let go
	Decided    time.Duration // when that was known: Spoken and the wait
	Talking    bool          // between Begin and End, not found by the VAD
	Cut        bool          // longer than Most: the next one goes on
	Level      Level
}

// A Segmenter cuts sound into utterances: by voice, or by a key held down
// (Begin and End). It belongs to one goroutine, its VAD with it.
type Segmenter struct {
	vad VAD
	o   Segmenting

	rest  []float32 // less than a chunk
	at    int       // samples judged so far
	kept  []float32 // the last of them: pre-roll, or the utterance from its beginning
	start int       // where kept begins

	speaking bool
	talking  bool
	begun    int  // sample at which Begin came, or the voice that was there already
	silence  int  // samples since the voice fell silent; 0 while it speaks
	voiced   int  // samples from the first voiced chunk to the last
	guessed  bool // Guess has told of this silence

	meter meter
}

// NewSegmenter uses vad until Close of its owner.
func NewSegmenter(vad VAD, o Segmenting) *Segmenter { return &Segmenter{vad: vad, o: o} }

// Push takes the next samples, any number, and returns the utterances that end
// in them. Their PCM is the caller's. An error is the VAD's.
func (s *Segmenter) Push(pcm []float32) ([]Utterance, error) {
	var done []Utterance
	s.rest = append(s.rest, pcm...)
	for len(s.rest) >= Chunk {
		p, err := s.vad.Prob(s.rest[:Chunk])
		if err != nil {
			return done, fmt.Errorf("detect voice: %w", err)
		}
		if u, ok := s.judge(s.rest[:Chunk], p); ok {
			done = append(done, u)
		}
		s.rest = s.rest[:copy(s.rest, s.rest[Chunk:])]
	}
	return done, nil
}

// judge takes one chunk in which somebody speaks with probability p.
func (s *Segmenter) judge(chunk []float32, p float32) (Utterance, bool) {
	s.kept = append(s.kept, chunk...)
	s.at += len(chunk)
	s.meter.add(chunk, p >= s.o.On, s.speaking || s.talking || p >= s.o.Off)
	switch {
	case s.talking:
		if s.at-s.start >= samples(s.o.Most) {
			return s.take(s.at, true), true
		}
	case !s.speaking && p >= s.o.On:
		s.speaking, s.silence, s.voiced, s.guessed = true, 0, len(chunk), false
	case !s.speaking:
		s.forget(samples(s.o.PreRoll))
	case p >= s.o.On:
		s.voiced += s.silence + len(chunk)
		s.silence, s.guessed = 0, false
	case p < s.o.Off || s.silence > 0:
		s.silence += len(chunk)
	default:
		s.voiced += len(chunk)
	}
	if !s.speaking || s.talking {
		return Utterance{}, false
	}
	if s.silence >= samples(s.o.Silence) {
		return s.fallSilent()
	}
	if s.at-s.start >= samples(s.o.Most) {
		return s.take(s.at-s.silence, true), true
	}
	return Utterance{}, false
}

// fallSilent ends speech, if it was long enough to be some.
func (s *Segmenter) fallSilent() (Utterance, bool) {
	s.speaking = false
	if s.voiced < samples(s.o.Voiced) {
		s.forget(samples(s.o.PreRoll))
		s.meter.begin()
		return Utterance{}, false
	}
	return s.take(s.at-s.silence, false), true
}

// Guess is the utterance that Push will return if the voice that fell silent
// stays so, but for what is not known yet: Decided and Level. Its PCM is the same
// then, and so are Start and End, so that who writes it down at once need not do
// so again. True once in each silence.
func (s *Segmenter) Guess() (Utterance, bool) {
	if !s.speaking || s.guessed || s.silence < samples(s.o.Tail) || s.voiced < samples(s.o.Voiced) {
		return Utterance{}, false
	}
	s.guessed = true
	return s.copyTo(s.at-s.silence, false), true
}

// Guessed says whether what Guess told may still come true.
func (s *Segmenter) Guessed() bool { return s.speaking && s.guessed }

// take hands the utterance out that the voice of ended at sample spoken. One
// that is cut goes on with the next sample.
func (s *Segmenter) take(spoken int, cut bool) Utterance {
	u := s.copyTo(spoken, cut)
	s.meter.begin()
	if cut {
		s.forget(0)
		s.voiced = 0
		if s.silence == 0 {
			s.voiced = samples(s.o.Voiced) // its rest counts, however short
		}
	} else {
		s.forget(samples(s.o.PreRoll))
	}
	return u
}

// copyTo is the utterance whose voice ended at sample spoken.
func (s *Segmenter) copyTo(spoken int, cut bool) Utterance {
	end := min(s.at, spoken+samples(s.o.Tail))
	if cut {
		end = s.at
	}
	return Utterance{
		PCM:   append([]float32(nil), s.kept[:end-s.start]...),
		Start: span(s.start), End: span(end), Spoken: span(spoken), Decided: span(s.at),
		Talking: s.talking, Cut: cut, Level: s.meter.level(),
	}
}

// forget drops all but the last n samples.
func (s *Segmenter) forget(n int) {
	if extra := len(s.kept) - n; extra > 0 {
		s.kept = s.kept[:copy(s.kept, s.kept[extra:])]
		s.start += extra
	}
}

// Speaking says whether an utterance has begun.
func (s *Segmenter) Speaking() bool { return s.speaking || s.talking }

// Begin takes everything from here on (and the pre-roll) as one utterance,
// until End, whatever the VAD says. What somebody is just saying is part of it.
func (s *Segmenter) Begin() {
	switch {
	case s.talking:
		return
	case s.speaking:
		s.begun = s.start
	default:
		s.begun = s.at
		s.meter.begin()
	}
	s.talking, s.speaking, s.silence, s.guessed = true, false, 0, false
}

// End ends what Begin began; false where nothing was begun, or too shortly to
// say anything. Level.Voiced tells whether the VAD heard a voice.
func (s *Segmenter) End() (Utterance, bool) {
	if !s.talking {
		return Utterance{}, false
	}
	s.kept, s.at = append(s.kept, s.rest...), s.at+len(s.rest)
	s.rest = s.rest[:0]
	long := s.at-s.begun >= samples(s.o.Voiced)
	u := s.take(s.at, false)
	s.talking = false
	return u, long
}

// Flush ends what is being said, because no more sound will come.
func (s *Segmenter) Flush() (Utterance, bool) {
	switch {
	case s.talking:
		return s.End()
	case !s.speaking:
		return Utterance{}, false
	}
	return s.fallSilent()
}

// Level is that of the last second or so, utterance or not.
func (s *Segmenter) Level() Level { return s.meter.now() }

// samples is how many of them a time has.
func samples(d time.Duration) int { return int(d * Rate / time.Second) }

// span is the time of n samples.
func span(n int) time.Duration { return time.Duration(n) * time.Second / Rate }
