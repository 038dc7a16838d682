package line

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"deixis/pipeline"
)

// reportEvery is how often the line reports.
const reportEvery = time.Second

// counts is what happened since the line began.
type counts struct {
	captured, answered, unanswered, shown, skipped atomic.Uint64
}

// Stats may be read at any time, from any goroutine.
func (l *Line) Stats() pipeline.Stats {
	return pipeline.Stats{
		Captured: l.counts.captured.Load(), Answered: l.counts.answered.Load(),
		Shown: l.counts.shown.Load(), Skipped: l.counts.skipped.Load(), Unanswered: l.counts.unanswered.Load(),
	}
}

// report logs a line a second: the line's own numbers for who looks closely,
// and a warning for every output that cannot keep up.
func (l *Line) report(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var before pipeline.Stats
	skipped := make([]uint64, len(l.outputs))
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		now := l.Stats()
		age := l.times.Of(pipeline.StageAge)
		l.c.Log.LogAttrs(ctx, slog.LevelDebug, "line", slog.Uint64("frames", now.Captured-before.Captured),
			slog.Uint64("answers", now.Answered-before.Answered), slog.Uint64("shown", now.Shown-before.Shown),
			slog.Uint64("skipped", now.Skipped-before.Skipped), slog.Duration("age_p50", age.P50), slog.Duration("age_p95", age.P95))
		before = now
		for i, o := range l.outputs {
			if n := o.box.skipped(); n > skipped[i] {
				l.c.Log.Warn("output cannot keep up", "output", o.Name, "skipped", n-skipped[i], "per", reportEvery)
				skipped[i] = n
			}
		}
	}
}

// Spread is how the newest times of a stage lie.
func (l *Line) Spread(s pipeline.Stage) pipeline.Spread { return l.times.Of(s) }

// Histogram is all that came of a stage.
func (l *Line) Histogram(s pipeline.Stage) pipeline.Histogram { return l.times.Histogram(s) }
