package listen

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// byLoudness is a VAD that hears a voice in all that is louder than 0.1, and is
// not sure above 0.05.
type byLoudness struct{ fails error }

func (v byLoudness) Prob(chunk []float32) (float32, error) {
	if len(chunk) != Chunk {
		return 0, errors.New("a VAD takes whole chunks only")
	}
	switch p := slices.Max(chunk); {
	case p > 0.1:
		return 0.9, v.fails
	case p > 0.05:
		return 0.4, v.fails
	}
	return 0.01, v.fails
}
func (byLoudness) Reset()       {}
func (byLoudness) Close() error { return nil }

// part is some sound of one loudness.
type part struct {
	loud float32
	ms   int
}

func sound(parts ...part) []float32 {
	var pcm []float32
	for _, p := range parts {
		for i := range p.ms * Rate / 1000 {
			pcm = append(pcm, p.loud*float32(1-2*(i%2)))
		}
	}
	return pcm
}

// pushAll pushes pcm in pieces of n, then the end.
func pushAll(t *testing.T, s *Segmenter, pcm []float32, n int) []Utterance {
	t.Helper()
	var all []Utterance
	for piece := range slices.Chunk(pcm, n) {
		us, err := s.Push(piece)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, us...)
	}
	if u, ok := s.Flush(); ok {
		all = append(all, u)
	}
	return all
}

func TestSegmenter(t *testing.T) {
	const still, voice, unsure = 0.001, 0.3, 0.07
	for name, tt := range map[string]struct {
		parts []part
		want  [][2]int // where each begins and its voice ends, ms
	}{
		"silence":                  {[]part{{still, 5000}}, nil},
		"nothing":                  {nil, nil},
		"one":                      {[]part{{still, 1000}, {voice, 1000}, {still, 1000}}, [][2]int{{600, 2000}}},
		"at the very beginning":    {[]part{{voice, 1000}, {still, 1000}}, [][2]int{{0, 1000}}},
		"file ends in speech":      {[]part{{still, 1000}, {voice, 1000}}, [][2]int{{600, 2000}}},
		"file ends in short pause": {[]part{{still, 1000}, {voice, 1000}, {still, 200}}, [][2]int{{600, 2000}}},
		"click":                    {[]part{{still, 1000}, {voice, 100}, {still, 1000}}, nil},
		"click at the end":         {[]part{{still, 1000}, {voice, 100}}, nil},
		"pause for breath":         {[]part{{still, 1000}, {voice, 500}, {still, 400}, {voice, 500}, {still, 900}}, [][2]int{{600, 2400}}},
		"two":                      {[]part{{still, 1000}, {voice, 500}, {still, 700}, {voice, 500}, {still, 900}}, [][2]int{{600, 1500}, {1800, 2700}}},
		"unsure is no beginning":   {[]part{{still, 1000}, {unsure, 2000}, {still, 900}}, nil},
		"unsure is no end":         {[]part{{still, 1000}, {voice, 500}, {unsure, 2000}, {voice, 500}, {still, 900}}, [][2]int{{600, 4000}}},
		"unsure after the end":     {[]part{{still, 1000}, {voice, 500}, {still, 100}, {unsure, 600}, {still, 900}}, [][2]int{{600, 1500}}},
		"monologue":                {[]part{{still, 1000}, {voice, 25000}, {still, 900}}, [][2]int{{600, 12600}, {12600, 24600}, {24600, 26000}}},
		"cut, then silence":        {[]part{{voice, 11900}, {still, 2000}}, [][2]int{{0, 11900}}},
	} {
		for _, n := range []int{160, Chunk, 100_000} {
			t.Run(name, func(t *testing.T) {
				got := pushAll(t, NewSegmenter(byLoudness{}, DefaultSegmenting), sound(tt.parts...), n)
				if len(got) != len(tt.want) {
					t.Fatalf("%d utterances %v, want %v", len(got), times(got), tt.want)
				}
				for i, u := range got {
					const near = 33 // ms: a chunk
					if d := abs(ms(u.Start) - tt.want[i][0]); d > near {
						t.Errorf("%d begins at %d ms, want %d", i, ms(u.Start), tt.want[i][0])
					}
					if d := abs(ms(u.Spoken) - tt.want[i][1]); d > near {
						t.Errorf("%d fell silent at %d ms, want %d", i, ms(u.Spoken), tt.want[i][1])
					}
					if len(u.PCM) != samples(u.End-u.Start) {
						t.Errorf("%d has %d samples for %v", i, len(u.PCM), u.End-u.Start)
					}
					if u.Decided < u.Spoken {
						t.Errorf("%d was decided at %v, before it fell silent at %v", i, u.Decided, u.Spoken)
					}
				}
			})
		}
	}
}

func TestSegmenterTalking(t *testing.T) {
	s := NewSegmenter(byLoudness{}, DefaultSegmenting)
	push := func(parts ...part) []Utterance {
		us, err := s.Push(sound(parts...))
		if err != nil {
			t.Fatal(err)
		}
		return us
	}
	if _, ok := s.End(); ok {
		t.Error("End without Begin is an utterance")
	}
	push(part{0.001, 1000})
	s.Begin()
	s.Begin() // a key repeats
	if !s.Speaking() {
		t.Error("a held key is no speaking")
	}
	if us := push(part{0.001, 700}, part{0.3, 200}, part{0.001, 1100}); len(us) > 0 {
		t.Errorf("the VAD ended what is held: %v", times(us))
	}
	u, ok := s.End()
	if !ok || !u.Talking || !u.Level.Voiced || abs(ms(u.Start)-600) > 33 || ms(u.End) != 3000 {
		t.Errorf("held: %v %v to %v, voiced %v", ok, u.Start, u.End, u.Level.Voiced)
	}
	if s.Speaking() {
		t.Error("still speaking")
	}

	s.Begin()
	push(part{0.001, 100})
	if _, ok := s.End(); ok {
		t.Error("a touched key is an utterance")
	}
	s.Begin()
	push(part{0.001, 1000})
	if u, ok := s.End(); !ok || u.Level.Voiced {
		t.Errorf("a second of nothing: %v, voiced %v", ok, u.Level.Voiced)
	}

	push(part{0.3, 500}) // speaks before the key is down
	s.Begin()
	push(part{0.3, 100})
	if u, ok := s.End(); !ok || u.End-u.Start < 900*time.Millisecond {
		t.Errorf("what was being said is lost: %v, %v", ok, u.End-u.Start)
	}

	s.Begin()
	if us := push(part{0.001, 13000}); len(us) != 1 || !us[0].Cut || !us[0].Talking {
		t.Errorf("a key that got stuck: %v", times(us))
	}
}

// What is guessed in a silence is what comes, unless the voice goes on.
func TestSegmenterGuess(t *testing.T) {
	const still, voice = 0.001, 0.3
	s := NewSegmenter(byLoudness{}, DefaultSegmenting)
	var guesses, said []Utterance
	pcm := sound(part{still, 1000}, part{voice, 500}, part{still, 350}, part{voice, 500}, part{still, 1000}, part{voice, 100}, part{still, 1000})
	for piece := range slices.Chunk(pcm, Chunk) {
		us, err := s.Push(piece)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, us...)
		if u, ok := s.Guess(); ok {
			guesses = append(guesses, u)
		}
		if _, again := s.Guess(); again {
			t.Errorf("at %v: guessed twice", span(s.at))
		}
	}
	if len(guesses) != 2 || len(said) != 1 { // the click is neither
		t.Fatalf("%d guesses, %d utterances", len(guesses), len(said))
	}
	first, last, u := guesses[0], guesses[1], said[0]
	if first.End >= u.End || !slices.Equal(last.PCM, u.PCM) || last.Start != u.Start || last.End != u.End || last.Decided >= u.Decided {
		t.Errorf("guessed %v to %v, then %v to %v (at %v); it is %v to %v (at %v)",
			first.Start, first.End, last.Start, last.End, last.Decided, u.Start, u.End, u.Decided)
	}
}

func TestSegmenterVADFails(t *testing.T) {
	broken := errors.New("broken")
	s := NewSegmenter(byLoudness{broken}, DefaultSegmenting)
	if _, err := s.Push(make([]float32, Chunk)); !errors.Is(err, broken) {
		t.Errorf("Push: %v", err)
	}
}

func TestFault(t *testing.T) {
	for name, tt := range map[string]struct {
		parts []part
		want  Fault
	}{
		"fine":          {[]part{{0.001, 1000}, {0.3, 1000}, {0.001, 1000}}, Fine},
		"noisy":         {[]part{{0.04, 2000}, {0.12, 1000}, {0.04, 1000}}, Noisy},
		"still behind":  {[]part{{0, 1000}, {0.3, 1000}, {0, 1000}}, Fine},
		"clipped":       {[]part{{0.001, 1000}, {1, 1000}, {0.001, 1000}}, Clipped},
		"no background": {[]part{{0.3, 1000}, {0.2, 1000}}, Fine},
		"begins slowly": {[]part{{0.001, 1000}, {0.04, 150}, {0.12, 1000}, {0.001, 1000}}, Fine},
	} {
		t.Run(name, func(t *testing.T) {
			us := pushAll(t, NewSegmenter(byLoudness{}, DefaultSegmenting), sound(tt.parts...), 320)
			if len(us) != 1 {
				t.Fatalf("%d utterances", len(us))
			}
			if got := us[0].Level.Fault(); got != tt.want {
				t.Errorf("%+v is %q, want %q", us[0].Level, got, tt.want)
			}
		})
	}
	s := NewSegmenter(byLoudness{}, DefaultSegmenting)
	pushAll(t, s, make([]float32, 2*Rate), 320)
	if got := s.Level().Fault(); got != Silent {
		t.Errorf("nothing but zeros is %q", got)
	}
	pushAll(t, s, sound(part{0.01, 2000}), 320)
	if got := s.Level(); got.Fault() != Quiet || !close32(got.RMS, 0.01, 1e-4) {
		t.Errorf("a whisper is %q, %+v", got.Fault(), got)
	}
}

func times(us []Utterance) [][2]time.Duration {
	var all [][2]time.Duration
	for _, u := range us {
		all = append(all, [2]time.Duration{u.Start, u.Spoken})
	}
	return all
}

func ms(d time.Duration) int { return int(d.Milliseconds()) }
func abs(n int) int          { return max(n, -n) }
