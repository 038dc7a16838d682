package listen

import (
	"context"
	"strings"
	"time"

	"deixis/pipeline"
)

// Hear takes sound from elsewhere as if it had been said while the button was
// held. Run need not run; it writes nothing down meanwhile. The error is ctx's.
func (l *Line) Hear(ctx context.Context, pcm []float32) (pipeline.Said, error) {
	now := time.Now()
	var m meter
	m.all.add(pcm)
	said := l.understand(ctx, waiting{Utterance: Utterance{PCM: pcm, Talking: true, Level: m.level()}, spoken: now, decided: now})
	return said, ctx.Err()
}

// understand writes one utterance down, does what it asks and tells of it.
func (l *Line) understand(ctx context.Context, w waiting) pipeline.Said {
	l.thinking.Lock()
	defer l.thinking.Unlock()
	said := pipeline.Said{}
	taken := time.Now()
	said.Took.Wait, said.Took.Queue = millis(w.decided.Sub(w.spoken)), millis(taken.Sub(w.decided))
	t, known, err := l.ahead.transcribe(ctx, l.By, w.Utterance)
	read := time.Now()
	said.Took.Recognise = millis(read.Sub(taken))
	if known { // what it waited for was its own recognition
		said.Took.Queue, said.Took.Recognise = 0, millis(read.Sub(w.decided))
	}
	if ctx.Err() != nil {
		return said
	}
	said.Heard = strings.TrimSpace(t.Text())
	m := Meaning{Why: unheard(w.Level)}
	switch {
	case err != nil:
		m.Why = "the recogniser failed: " + firstLine(err)
	case said.Heard != "":
		m = l.meant(ctx, t, &w, &said)
	}
	chosen := time.Now()
	said.Took.Choose = millis(chosen.Sub(read))
	said.Phrase, said.Command, said.Why = m.Phrase, string(m.Command), m.Why
	if m.Why == "" && l.Do != nil {
		if err := l.Do(ctx, m); err != nil {
			said.Why = firstLine(err)
		}
	}
	l.note(&said, w.spoken, chosen)
	l.Log.Info("heard", "text", said.Heard, "phrase", said.Phrase, "command", said.Command, "why_not", said.Why,
		"recognise_ms", said.Took.Recognise, "choose_ms", said.Took.Choose)
	if l.Tell != nil {
		if err := l.Tell(ctx, said); err != nil {
			l.Log.Warn("what was said is not told", "why", firstLine(err))
		}
	}
	return said
}

// note counts an utterance and makes it the last.
func (l *Line) note(said *pipeline.Said, spoken, chosen time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Since = time.Now()
	l.spoken = time.Time{}
	outcome := &l.ledger.nothing
	switch {
	case said.Why != "":
	case said.Command != "":
		outcome = &l.ledger.commands
	default:
		outcome = &l.ledger.phrases
		l.spoken, l.asked = spoken, chosen
	}
	*outcome++
	said.N = l.ledger.said()
	last := *said
	l.state.Said = &last
	for p, took := range map[stretch]float64{wait: said.Took.Wait, queued: said.Took.Queue, recognise: said.Took.Recognise, choosing: said.Took.Choose} {
		l.ledger.times[p].Add(time.Duration(took * float64(time.Millisecond)))
	}
}

// Shown notes the first answer to the phrase that was said last.
func (l *Line) Shown(views []pipeline.View, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spoken.IsZero() {
		return
	}
	for i := range views {
		if views[i].Phrase == l.state.Said.Phrase && views[i].Seq > 0 {
			l.state.Said.Took.Answer = millis(now.Sub(l.asked))
			l.ledger.times[answered].Add(now.Sub(l.asked))
			l.ledger.times[whole].Add(now.Sub(l.spoken))
			l.spoken = time.Time{}
			return
		}
	}
}

// meant is what a transcript asks for. Where several of its readings ask for
// different things, the picture helps to choose.
func (l *Line) meant(ctx context.Context, t Transcript, w *waiting, said *pipeline.Said) Meaning {
	mode := l.Mode
	if w.Talking {
		mode = PushToTalk
	}
	first := l.Lex.Understand(t.Text(), mode)
	called := l.called
	l.called = nil
	switch {
	case mode == Wake && first.Why == NoThing:
		l.called = w
		return Meaning{Why: Called}
	case mode == Wake && first.Why == NoWake && called != nil && called.soon(w):
		mode = Always
		first = l.Lex.Understand(t.Text(), mode)
	}
	cs := l.Lex.Candidates(t, mode)
	if first.Phrase == "" && first.Command == "" && mode == PushToTalk && len(cs) > 0 {
		first = Meaning{Phrase: cs[0].Phrase} // somebody meant something
	}
	if first.Phrase == "" || l.Choose == nil || len(cs) < 2 {
		return first
	}
	i, n, err := l.Choose(ctx, cs)
	if err != nil {
		l.Log.Warn("readings not compared with the picture", "why", firstLine(err))
		return first
	}
	said.Read = n
	return Meaning{Phrase: cs[i].Phrase}
}

// soon says whether next begins soon after w, by the clock and by the sound: a
// recording may be read faster, and a microphone be away for hours.
func (w *waiting) soon(next *waiting) bool {
	begins := next.spoken.Add(next.Start - next.Spoken)
	return next.Start < w.Spoken+Patience && begins.Before(w.spoken.Add(Patience))
}

// Candidates are the different phrases that the readings of t ask for, likeliest
// first.
func (l *Lexicon) Candidates(t Transcript, m Mode) []Candidate {
	var cs []Candidate
	seen := map[string]bool{}
	for _, h := range t.NBest {
		p := l.Understand(h.Text, m).Phrase
		if p == "" || seen[p] {
			continue
		}
		seen[p] = true
		cs = append(cs, Candidate{Phrase: p, LogProb: h.LogProb})
	}
	return cs
}

// unheard says why there are no words.
func unheard(l Level) string {
	switch f := l.Fault(); f {
	case Fine:
		return NoWords
	case Silent:
		return "the microphone gives silence: is it muted?"
	case Quiet:
		return "too quiet"
	case Clipped:
		return "too loud for the microphone"
	default:
		return "too noisy"
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func millis(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
