package listen

import "deixis/pipeline"

// A Part is a stretch of the way from the end of speech to the first answer.
type Part int

// The parts, in their order.
const (
	Wait      Part = iota // until it is sure that the voice has fallen silent
	Queued                // behind the utterance before
	Recognise             // writing it down
	Choosing              // holding its readings against the picture
	Answered              // until the first answer to the phrase is shown
	Whole                 // all of them
	parts                 // how many there are
)

// String is the part's name in metrics.
func (p Part) String() string {
	if p < 0 || p >= parts {
		return "unknown"
	}
	return [parts]string{"wait", "queue", "recognise", "choose", "answer", "whole"}[p]
}

// A Tally counts what a Line has done.
type Tally struct {
	Phrases, Commands, Nothing uint64 // utterances by what came of them
	Dropped                    uint64 // utterances that nobody had time for
	Times                      [parts]pipeline.Histogram
}

func (t *Tally) said() int { return int(t.Phrases + t.Commands + t.Nothing) }

// Tally is what was counted so far.
func (l *Line) Tally() Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tally
	t.Dropped = uint64(l.state.Dropped)
	return t
}
