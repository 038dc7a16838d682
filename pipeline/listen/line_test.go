package listen

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deixis/pipeline"
)

// A tape is a source that gives its sound at once, or in its own time, and then
// ends with err; nil waits for ever.
type tape struct {
	pcm     []float32
	paced   bool
	err     error
	trouble string
}

func (s *tape) Read(ctx context.Context, pcm []float32) (int, error) {
	if len(s.pcm) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		<-ctx.Done()
		return 0, ctx.Err()
	}
	n := copy(pcm, s.pcm)
	s.pcm = s.pcm[n:]
	if s.paced {
		time.Sleep(span(n))
	}
	return n, nil
}
func (s *tape) Close() error    { return nil }
func (s *tape) Trouble() string { return s.trouble }

// A scribe writes down what its script says, utterance by utterance.
type scribe struct {
	script []Transcript
	takes  time.Duration
	fails  error

	mu sync.Mutex
	n  int
}

func (r *scribe) Transcribe(ctx context.Context, pcm []float32) (Transcript, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.takes > 0 {
		select {
		case <-time.After(r.takes):
		case <-ctx.Done():
			return Transcript{}, ctx.Err()
		}
	}
	r.n++
	if r.fails != nil || r.n > len(r.script) {
		return Transcript{}, r.fails
	}
	return r.script[r.n-1], nil
}
func (r *scribe) Close() error { return nil }

func says(texts ...string) (ts []Transcript) {
	for _, text := range texts {
		ts = append(ts, Transcript{NBest: []Hypothesis{{Text: text, LogProb: -0.1}}})
	}
	return ts
}

// spoken is n utterances of half a second with a second around each.
func spoken(n int) []float32 {
	pcm := sound(part{0.001, 1000})
	for range n {
		pcm = append(pcm, sound(part{0.5, 500}, part{0.001, 1000})...)
	}
	return pcm
}

// A diary is what a line did.
type diary struct {
	mu    sync.Mutex
	did   []Meaning
	said  []pipeline.Said
	wrong error // of Do
}

func (d *diary) line(l *Line) *Line {
	l.VAD, l.Lex, l.How, l.Log = byLoudness{}, &English, DefaultSegmenting, slog.New(slog.DiscardHandler)
	l.Do = func(_ context.Context, m Meaning) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.did = append(d.did, m)
		return d.wrong
	}
	l.Tell = func(_ context.Context, s pipeline.Said) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.said = append(d.said, s)
		return nil
	}
	return l
}

func TestLineReadsARecording(t *testing.T) {
	var d diary
	l := d.line(&Line{
		From: &tape{pcm: spoken(5), err: io.EOF}, Mode: Always, Every: true,
		By: &scribe{script: says("Show me the red cup.", "", "Stop.", "You", "the dog")},
	})
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []Meaning{{Phrase: "the red cup"}, {Command: Stop}, {Phrase: "the dog"}}; !slices.Equal(d.did, want) {
		t.Errorf("did %+v, want %+v", d.did, want)
	}
	var why []string
	for i, s := range d.said {
		if s.N != i+1 || s.Took.Wait < 400 || s.Took.Wait > 600 {
			t.Errorf("utterance %d is %+v", i, s)
		}
		why = append(why, s.Why)
	}
	if want := []string{"", NoWords, "", NoThing, ""}; !slices.Equal(why, want) {
		t.Errorf("why %q, want %q", why, want)
	}
	n := l.Tally()
	if n.Phrases != 2 || n.Commands != 1 || n.Nothing != 2 || n.Dropped != 0 || n.Took["recognise"].N != 5 {
		t.Errorf("tally %+v", n)
	}
	if s := l.Status(); s.State != Off || s.Said == nil || s.Said.Phrase != "the dog" {
		t.Errorf("status %+v", s)
	}
}

func TestLineDoesWhatTheModeAllows(t *testing.T) {
	for mode, want := range map[Mode]int{Always: 3, Wake: 2, PushToTalk: 0} {
		var d diary
		l := d.line(&Line{
			From: &tape{pcm: spoken(3), err: io.EOF}, Mode: mode, Every: true,
			By: &scribe{script: says("the red cup", "show me the dog", "next")},
		})
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(d.did) != want {
			t.Errorf("in mode %s it did %+v", mode, d.did)
		}
	}
}

// TestLineWaitsForTheName: after a wake phrase alone the thing may be named in a breath of its own.
func TestLineWaitsForTheName(t *testing.T) {
	for _, c := range []struct {
		said []string
		want int
	}{{[]string{"show me", "the red cup"}, 1}, {[]string{"show me", "well", "the red cup"}, 0}, {[]string{"show me", "show me the red cup"}, 1}, {[]string{"the red cup", "the dog"}, 0}} {
		var d diary
		l := d.line(&Line{From: &tape{pcm: spoken(len(c.said)), err: io.EOF}, Mode: Wake, Every: true, By: &scribe{script: says(c.said...)}})
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(d.did) != c.want || (d.said[0].Why == Called) != (c.said[0] == "show me") {
			t.Errorf("of %q it did %+v, said %+v", c.said, d.did, d.said)
		}
	}
	now := time.Now()
	for name, next := range map[string]waiting{
		"too late":            {spoken: now.Add(8 * time.Second), Utterance: Utterance{Start: 7 * time.Second, Spoken: 8 * time.Second}},
		"from another day":    {spoken: now.Add(24 * time.Hour), Utterance: Utterance{Start: 2 * time.Second, Spoken: 3 * time.Second}},
		"of a fast recording": {spoken: now.Add(time.Second), Utterance: Utterance{Start: time.Hour, Spoken: time.Hour + time.Second}},
	} {
		var d diary
		l := d.line(&Line{Mode: Wake, By: &scribe{script: says("show me", "the dog")}})
		l.understand(t.Context(), waiting{spoken: now, Utterance: Utterance{PCM: spoken(1), Spoken: time.Second}})
		next.PCM = spoken(1)
		if l.understand(t.Context(), next); len(d.did) != 0 {
			t.Errorf("%s: it did %+v", name, d.did)
		}
	}
}

// TestLineLive plays sound in its own time, which costs none here.
func TestLineLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := d.line(&Line{From: &tape{pcm: spoken(2), paced: true}, Mode: Always, By: &scribe{script: says("the cup", "the dog"), takes: 300 * time.Millisecond}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- l.Run(ctx) }()
		at := func(ms int, state, caption string) {
			t.Helper()
			time.Sleep(time.Duration(ms)*time.Millisecond - time.Since(began))
			synctest.Wait()
			if s := l.Status(); s.State != state || s.Caption != caption {
				t.Errorf("after %d ms the state is %s, %q", ms, s.State, s.Caption)
			}
		}
		at(500, Listening, "listening")
		at(1300, Hearing, "hearing …")
		at(2030, Working, "hearing … one moment")
		at(2450, Listening, "heard “the cup”: looking for the cup")
		l.Shown([]pipeline.View{{Phrase: "the cup"}}, time.Now()) // not answered yet
		if took := l.Status().Said.Took.Answer; took != 0 {
			t.Errorf("an answer that is not there took %v ms", took)
		}
		l.Shown([]pipeline.View{{Phrase: "the cup", Seq: 7}}, time.Now())
		s := l.Status().Said.Took
		if s.Recognise <= 0 || s.Recognise > 100 || s.Wait < 450 || s.Wait > 550 || s.Answer <= 0 || l.Tally().Took["whole"].N != 1 {
			t.Errorf("took %+v", s)
		}
		at(3900, Listening, "heard “the dog”: looking for the dog")
		at(9000, Listening, "listening")
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if s := l.Status(); s.State != Off || s.Caption != "" {
			t.Errorf("after its end the state is %+v", s)
		}
	})
}

func TestLineDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := d.line(&Line{From: &tape{pcm: spoken(6), paced: true, err: io.EOF}, Mode: Always, By: &scribe{script: says("cup one", "cup two", "cup three", "cup four"), takes: 7 * time.Second}})
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		// One is written down, from before its end on, while the others come, two wait, the oldest of these are dropped.
		if n := l.Tally(); n.Phrases != 4 || n.Dropped != 2 || l.Status().Dropped != 2 {
			t.Errorf("tally %+v", n)
		}
		if d.said[2].Took.Queue < 1000 {
			t.Errorf("the last waited %+v", d.said[2].Took)
		}
	})
}

func TestLineButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := d.line(&Line{From: &tape{pcm: spoken(3), paced: true}, Mode: PushToTalk, By: &scribe{script: says("the cup")}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		time.Sleep(1200 * time.Millisecond) // the first voice is not asked for
		if s := l.Status(); s.State != Listening || s.Caption != "" {
			t.Errorf("without the button the state is %+v", s)
		}
		time.Sleep(1200 * time.Millisecond)
		l.Toggle()
		time.Sleep(200 * time.Millisecond)
		if s := l.Status(); s.State != Hearing || !s.Talking {
			t.Errorf("with the button the state is %+v", s)
		}
		time.Sleep(600 * time.Millisecond)
		l.Press(false)
		time.Sleep(2 * time.Second)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(d.did) != 1 || d.did[0].Phrase != "the cup" || d.said[0].Took.Wait != 0 {
			t.Errorf("did %+v, said %+v", d.did, d.said)
		}
	})
}

func TestLineTellsWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		away := &tape{trouble: "nothing is plugged in"}
		l := d.line(&Line{From: away, Mode: Always, By: &scribe{}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		time.Sleep(time.Second)
		if s := l.Status(); s.State != NoDevice || s.Caption != "nothing is plugged in" {
			t.Errorf("state %+v", s)
		}
		if l.Press(true); !l.Status().Talking {
			t.Error("a button that is held while no sound comes is not told")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		by  *scribe
		pcm []float32
		end error
		why string
	}{
		"noisy":      {&scribe{}, sound(part{0.045, 2000}, part{0.2, 500}, part{0.045, 1000}), nil, "too noisy"},
		"clipped":    {&scribe{}, sound(part{0.001, 1000}, part{1, 500}, part{0.001, 1000}), nil, "too loud for the microphone"},
		"recogniser": {&scribe{fails: broken}, spoken(1), nil, "the recogniser failed: broken"},
		"source":     {&scribe{}, nil, broken, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var d diary
			end := tt.end
			if end == nil {
				end = io.EOF
			}
			l := &Line{From: &tape{pcm: tt.pcm, err: end}, By: tt.by, Mode: Always, Every: true}
			if err := d.line(l).Run(t.Context()); !errors.Is(err, tt.end) {
				t.Errorf("ended with %v", err)
			}
			if tt.why != "" && (len(d.said) != 1 || d.said[0].Why != tt.why) {
				t.Errorf("said %+v, want %q", d.said, tt.why)
			}
		})
	}
	d := diary{wrong: errors.New("phrase too long")}
	l := d.line(&Line{From: &tape{pcm: spoken(1), err: io.EOF}, Mode: Always, Every: true, By: &scribe{script: says("the cup")}})
	if err := l.Run(t.Context()); err != nil || d.said[0].Why != "phrase too long" || l.Tally().Nothing != 1 {
		t.Errorf("%v, said %+v", err, d.said)
	}
	l = d.line(&Line{From: &tape{pcm: spoken(1), err: io.EOF}, Mode: Always, By: &scribe{}})
	if l.VAD = (byLoudness{fails: broken}); !errors.Is(l.Run(t.Context()), broken) {
		t.Error("a VAD that fails does not end the line")
	}
}

func TestLineEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := d.line(&Line{From: &tape{pcm: spoken(1), paced: true}, Mode: Always, By: &scribe{takes: time.Hour}})
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		began := time.Now()
		if err := l.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if time.Since(began) > 3*time.Second+askTrouble || len(d.said) != 0 {
			t.Errorf("it ended after %v", time.Since(began))
		}
	})
}

func TestLineHearsFromElsewhere(t *testing.T) {
	var d diary
	l := d.line(&Line{Mode: Wake, By: &scribe{script: says("the dog")}})
	said, err := l.Hear(t.Context(), spoken(1))
	if err != nil || said.Phrase != "the dog" || said.N != 1 || len(d.did) != 1 {
		t.Errorf("heard %+v, %v", said, err)
	}
	if said, _ := l.Hear(t.Context(), make([]float32, 999)); said.Why != "the microphone gives silence: is it muted?" {
		t.Errorf("silence is understood as %+v", said)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.Hear(ctx, spoken(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What was being said when the microphone went is written down: nothing that
// comes later belongs to it.
func TestLineEndsWhatABreakCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		from := &tape{pcm: sound(part{0.001, 1000}, part{0.5, 1000}), paced: true, trouble: "unplugged"}
		l := d.line(&Line{From: from, Mode: Always, By: &scribe{script: says("the red cup")}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if s := l.Status(); s.State != NoDevice || s.Said == nil || s.Said.Phrase != "the red cup" {
			t.Errorf("status %+v", s)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestToggleLosesNoPress(t *testing.T) {
	var l Line
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 1001 {
				l.Toggle()
			}
		})
	}
	if all.Wait(); l.talking.Load() {
		t.Error("after an even number of presses the button is down")
	}
	if l.Toggle(); !l.talking.Load() {
		t.Error("after one more it is not")
	}
}
