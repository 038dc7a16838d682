package listen

import "deixis/pipeline"

// A stretch is a part of the way from the end of speech to the first answer.
type stretch int

// The stretches, in their order.
const (
	wait      stretch = iota // until it is sure that the voice has fallen silent
	queued                   // behind the utterance before
	recognise                // writing it down
	choosing                 // holding its readings against the picture
	answered                 // until the first answer to the phrase is shown
	whole                    // all of them
	stretches                // how many there are
)

var stretchNames = [stretches]string{"wait", "queue", "recognise", "choose", "answer", "whole"}

// A ledger counts what a Line has done.
type ledger struct {
	phrases, commands, nothing uint64 // utterances by what came of them
	times                      [stretches]pipeline.Histogram
}

func (t *ledger) said() int { return int(t.phrases + t.commands + t.nothing) }

// Tally is what was counted so far.
func (l *Line) Tally() pipeline.SpeechTally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := pipeline.SpeechTally{
		Phrases: l.ledger.phrases, Commands: l.ledger.commands, Nothing: l.ledger.nothing,
		Dropped: uint64(l.state.Dropped), Took: make(map[string]pipeline.Histogram, stretches),
	}
	for p, h := range l.ledger.times {
		t.Took[stretchNames[p]] = h
	}
	return t
}
