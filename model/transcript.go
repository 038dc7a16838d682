package model

import "time"

// A Transcript is what was heard, likeliest first.
type Transcript struct {
	NBest []Hypothesis  // none: no speech
	Audio time.Duration // how long the utterance is
	Took  time.Duration // how long writing it down took
}

// A Hypothesis is one way to read an utterance.
type Hypothesis struct {
	Text    string
	LogProb float64 // mean natural logarithm of a token's probability
}

// Text is the likeliest reading; "" where nothing was said.
func (t Transcript) Text() string {
	if len(t.NBest) == 0 {
		return ""
	}
	return t.NBest[0].Text
}
