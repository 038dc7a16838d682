package listen

import (
	"context"
	"sync"
	"time"
)

// ahead keeps what was written down of a Guess until it is known whether it
// came true.
type ahead struct {
	start, end time.Duration // of what is known; 0, 0 nothing. Guarded as the recogniser is
	known      Transcript

	mu   sync.Mutex
	stop context.CancelFunc // of what is being written; nil nothing
}

// write writes a guess down, unless giveUp comes first. by is for who holds turn.
func (a *ahead) write(ctx context.Context, turn *sync.Mutex, by Recognizer, u Utterance) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a.mu.Lock()
	a.stop = stop
	a.mu.Unlock()
	turn.Lock()
	defer turn.Unlock()
	a.start, a.end = 0, 0
	if t, err := by.Transcribe(ctx, u.PCM); err == nil && ctx.Err() == nil {
		a.start, a.end, a.known = u.Start, u.End, t
	}
	a.giveUp()
}

// giveUp ends what is being written.
func (a *ahead) giveUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stop != nil {
		a.stop()
		a.stop = nil
	}
}

// transcribe writes an utterance down, if it is not known already.
func (a *ahead) transcribe(ctx context.Context, by Recognizer, u Utterance) (t Transcript, known bool, err error) {
	if a.end > 0 && u.Start == a.start && u.End == a.end {
		return a.known, true, nil
	}
	t, err = by.Transcribe(ctx, u.PCM)
	return t, false, err
}
