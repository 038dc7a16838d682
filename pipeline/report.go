package pipeline

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// every is how often the line reports.
const every = time.Second

// counts is what happened since the line began.
type counts struct {
	captured, answered, shown, skipped atomic.Uint64
}

// Stats are what a line has done since it began.
type Stats struct {
	Captured uint64 // frames read
	Answered uint64 // frames the model has answered
	Shown    uint64 // frames shown
	Skipped  uint64 // frames that came while the model was busy
}

// Stats may be read at any time, from any goroutine.
func (l *Live) Stats() Stats {
	return Stats{
		Captured: l.counts.captured.Load(), Answered: l.counts.answered.Load(),
		Shown: l.counts.shown.Load(), Skipped: l.counts.skipped.Load(),
	}
}

// report logs a line a second: the line's own numbers for who looks closely,
// and a warning for every sink that cannot keep up.
func (l *Live) report(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before Stats
	dropped := make([]uint64, len(l.boxes))
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := l.Stats()
		age := l.Times.Of(Age)
		l.Log.LogAttrs(ctx, slog.LevelDebug, "line", slog.Uint64("frames", now.Captured-before.Captured),
			slog.Uint64("answers", now.Answered-before.Answered), slog.Uint64("shown", now.Shown-before.Shown),
			slog.Uint64("skipped", now.Skipped-before.Skipped), slog.Duration("age_p50", age.P50), slog.Duration("age_p95", age.P95))
		before = now
		for i, box := range l.boxes {
			if n := box.Dropped(); n > dropped[i] {
				l.Log.Warn("sink cannot keep up", "sink", l.Beside[i].Name, "skipped", n-dropped[i], "per", every)
				dropped[i] = n
			}
		}
	}
}
