package listen

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/pipeline"
)

// The states of a Line.
const (
	Off       = "off"       // the sound has ended, or none ever came
	NoDevice  = "no device" // there is no microphone at the moment
	Listening = "listening" // and nobody speaks, or a button is waited for
	Hearing   = "hearing"   // somebody speaks
	Working   = "working"   // on what was said
)

// A Candidate is one reading of an utterance that asks for a phrase.
type Candidate struct {
	Phrase  string
	LogProb float64 // of its text, as in Hypothesis

	// What the picture says of it, once a Chooser has asked: whether the thing is
	// there, and the score of its best box, 0..1.
	Presence, Point float32
}

// A Line turns sound into phrases and commands. Fill in the fields, then call
// Run once; only Choose, Do and Tell may be nil.
type Line struct {
	From  Source
	VAD   VAD // used by Run alone
	By    Recognizer
	Lex   *Lexicon
	How   Segmenting
	Mode  Mode
	Every bool // nothing is dropped: sound waits for words; for recordings that are read as fast as they go

	// Choose is the number of the candidate that is meant, and how many were held
	// against the picture, as Chooser does; without it the first is.
	Choose func(ctx context.Context, cs []Candidate) (best, n int, err error)
	// Do does what was understood. Its error is why it was not done.
	Do func(ctx context.Context, m Meaning) error
	// Tell is told of every utterance.
	Tell func(ctx context.Context, said pipeline.Said) error
	Log  *slog.Logger

	talking  atomic.Bool // the button
	holds    bool        // the segmenter knows; belongs to hear
	queue    queue
	thinking sync.Mutex // By and Choose are for one at a time
	called   *waiting   // a wake phrase said alone, just before; guarded by thinking
	ahead    ahead

	mu     sync.Mutex
	state  pipeline.Speech
	spoken time.Time // when the last phrase was; zero once its first answer was shown
	asked  time.Time // when it was understood
	ledger ledger
}

// Run listens until the sound ends, which is no error, or ctx does. Of a source that
// fails, what was said before is understood first. Nothing
// that it waits for outlasts ctx but a recogniser that does not heed it.
func (l *Line) Run(ctx context.Context) error {
	l.queue.init()
	l.set(func(s *pipeline.Speech) { s.State, s.Mode = Listening, string(l.Mode) })
	defer l.set(func(s *pipeline.Speech) { s.State, s.Level = Off, 0 })
	two, ctx := errgroup.WithContext(ctx)
	var lost error
	two.Go(func() (err error) {
		lost, err = l.hear(ctx)
		return err
	})
	two.Go(func() error { return l.think(ctx) })
	if err := two.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return lost
}

// Press says that the button to talk is held, or let go.
func (l *Line) Press(on bool) { l.talking.Store(on) }

// Toggle presses a button that is not held, and lets go one that is.
func (l *Line) Toggle() {
	for {
		on := l.talking.Load()
		if l.talking.CompareAndSwap(on, !on) {
			return
		}
	}
}

// A troubled Source says why no sound comes, "" while it does.
type troubled interface{ Trouble() string }

// hear cuts the sound into utterances and queues them. lost is why the source ended,
// nil for its proper end.
func (l *Line) hear(ctx context.Context) (lost, err error) {
	defer l.queue.end()
	s := NewSegmenter(l.VAD, l.How)
	pcm := make([]float32, Chunk)
	for {
		n, err := l.read(ctx, pcm, func() error { return l.broken(ctx, s) })
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, io.EOF):
			return nil, l.last(ctx, s)
		case err != nil:
			return err, l.last(ctx, s)
		}
		if u, ok := l.button(s); ok {
			if err := l.put(ctx, u); err != nil {
				return nil, err
			}
		}
		us, err := s.Push(pcm[:n])
		if err != nil {
			return nil, err
		}
		for _, u := range us {
			if err := l.put(ctx, u); err != nil {
				return nil, err
			}
		}
		l.guess(s, len(us) > 0)
		l.tell(s)
	}
}

// last queues what was being said when the source ended.
func (l *Line) last(ctx context.Context, s *Segmenter) error {
	if u, ok := s.Flush(); ok {
		return l.put(ctx, u)
	}
	return nil
}

// askTrouble is how often a source in which nothing moves is asked what ails it.
const askTrouble = 500 * time.Millisecond

// read waits for sound, and tells meanwhile why none comes. What was being said
// when it ceased is lost's.
func (l *Line) read(ctx context.Context, pcm []float32, lost func() error) (int, error) {
	for {
		short, stop := context.WithTimeout(ctx, askTrouble)
		n, err := l.From.Read(short, pcm)
		stop()
		if n > 0 || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return n, err
		}
		if ctx.Err() != nil { // the short wait may have ended just before ctx did: its error is not the reason
			return 0, ctx.Err()
		}
		if t, ok := l.From.(troubled); ok && t.Trouble() != "" {
			if err := lost(); err != nil {
				return 0, err
			}
			l.set(func(s *pipeline.Speech) { s.State, s.Why, s.Level = NoDevice, t.Trouble(), 0 })
		}
	}
}

// broken ends what is being said when the sound ceases: what comes after a gap
// does not belong to it.
func (l *Line) broken(ctx context.Context, s *Segmenter) error {
	if l.holds {
		return nil
	}
	l.VAD.Reset()
	return l.last(ctx, s)
}

// button tells the segmenter what the button does.
func (l *Line) button(s *Segmenter) (u Utterance, ok bool) {
	on := l.talking.Load()
	switch {
	case on && !l.holds:
		s.Begin()
	case !on && l.holds:
		u, ok = s.End()
	}
	l.holds = on
	return u, ok
}

// tell updates the state while sound comes.
func (l *Line) tell(s *Segmenter) {
	level := s.Level()
	hearing := l.holds || s.Speaking() && l.Mode != PushToTalk
	l.set(func(st *pipeline.Speech) {
		st.Level, st.Why = float64(level.Peak), string(level.Fault())
		if level.Fault() == Quiet {
			st.Why = "" // nobody speaks
		}
		switch {
		case hearing:
			st.State = Hearing
		case l.queue.busy():
			st.State = Working
		default:
			st.State = Listening
		}
	})
}

// put queues an utterance, unless only what is said by button counts.
func (l *Line) put(ctx context.Context, u Utterance) error {
	if l.Mode == PushToTalk && !u.Talking {
		return nil
	}
	at := time.Now()
	w := waiting{Utterance: u, decided: at, spoken: at.Add(u.Spoken - u.Decided)}
	if l.Every {
		l.understand(ctx, w)
		return ctx.Err()
	}
	if l.queue.put(w) {
		l.Log.Warn("an utterance is dropped: words are written down slower than they come")
		l.set(func(s *pipeline.Speech) { s.Dropped++ })
	}
	return nil
}

// guess has an utterance written down before it is sure that it has ended, and
// gives that up when the voice goes on. Most of the wait for its end is not lost
// then.
func (l *Line) guess(s *Segmenter, ended bool) {
	if l.Every || l.Mode == PushToTalk {
		return
	}
	if u, ok := s.Guess(); ok {
		l.queue.maybe(waiting{Utterance: u, guess: true})
	} else if !ended && s.Speaking() && !s.Guessed() && l.queue.disprove() {
		l.ahead.giveUp()
	}
}

// think writes down what was said, and does it.
func (l *Line) think(ctx context.Context) error {
	for {
		w, err := l.queue.take(ctx)
		if errors.Is(err, io.EOF) {
			return nil // hear has ended, and says why
		}
		if err != nil {
			return err
		}
		if w.guess {
			l.ahead.write(ctx, &l.thinking, l.By, w.Utterance)
			continue
		}
		l.understand(ctx, w)
		l.queue.done()
	}
}

// set changes the state.
func (l *Line) set(change func(s *pipeline.Speech)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
}

// Status is what is known at the moment.
func (l *Line) Status() pipeline.Speech {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state
	if s.Said != nil {
		said := *s.Said
		s.Said = &said
	}
	s.Talking = s.State != Off && l.talking.Load() // also while no sound comes
	s.Caption = s.Line(time.Now())
	return s
}
