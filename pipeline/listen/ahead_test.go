package listen

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"deixis/pipeline"
)

// listened runs a line over sound in its own time.
func listened(t *testing.T, mode Mode, by *scribe, pcm []float32) []pipeline.Said {
	t.Helper()
	var d diary
	synctest.Test(t, func(t *testing.T) {
		l := d.line(&Line{From: &tape{pcm: pcm, paced: true, err: io.EOF}, Mode: mode, By: by})
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return d.said
}

// Writing down begins before the end of an utterance is sure.
func TestLineWritesAhead(t *testing.T) {
	by := &scribe{script: says("the dog", "the red cup"), takes: 300 * time.Millisecond}
	said := listened(t, Always, by, spoken(2))
	if len(said) != 2 || said[0].Phrase != "the dog" || said[1].Phrase != "the red cup" {
		t.Fatalf("said %+v", said)
	}
	for _, s := range said {
		if whole := s.Took.Wait + s.Took.Queue + s.Took.Recognise; whole > 600 {
			t.Errorf("%v ms from the end of speech to words: nothing was done ahead", whole)
		}
	}
	if by.n != 2 {
		t.Errorf("two utterances were written down %d times", by.n)
	}
}

// What is written ahead is given up when the voice goes on, and never taken for
// what was said in the end.
func TestLineGivesUpAWrongGuess(t *testing.T) {
	pause := slices.Concat(sound(part{0.001, 1000}, part{0.5, 500}, part{0.001, 400}, part{0.5, 500}, part{0.001, 1500}))
	for name, takes := range map[string]time.Duration{"done before": 10 * time.Millisecond, "not done": 900 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			script := says("the red cup")
			if name == "done before" {
				script = says("the red", "the red cup")
			}
			said := listened(t, Always, &scribe{script: script, takes: takes}, pause)
			if len(said) != 1 || said[0].Phrase != "the red cup" {
				t.Errorf("said %+v", said)
			}
		})
	}
}

// With a button, only the button says when.
func TestLineGuessesNothingWithAButton(t *testing.T) {
	by := &scribe{script: says("the dog")}
	if said := listened(t, PushToTalk, by, spoken(2)); len(said) > 0 || by.n > 0 {
		t.Errorf("said %+v, written down %d times", said, by.n)
	}
}
