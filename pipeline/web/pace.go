package web

import (
	"sync"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// pace counts frames and answers a second, and when a status was told. Any
// goroutine may call it.
type pace struct {
	mu           sync.Mutex
	fps, answers float64

	since        time.Time
	frames, asks int
	seq          uint64 // of the newest answer
	told         time.Time
}

// shown notes one frame at a time, and takes stock once a second.
func (r *pace) shown(now time.Time, views []pipeline.View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since.IsZero() {
		r.since = now
	}
	r.frames++
	if len(views) > 0 && views[0].Seq != r.seq {
		r.seq = views[0].Seq
		r.asks++
	}
	if d := now.Sub(r.since).Seconds(); d >= 1 {
		r.fps, r.answers = model.Round(float64(r.frames)/d, 1), model.Round(float64(r.asks)/d, 1)
		r.since, r.frames, r.asks = now, 0, 0
	}
}

// now is both numbers of the second before; nothing when no frame came for the
// time of lost.
func (r *pace) now(now time.Time, lost time.Duration) (fps, answers float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) > lost {
		return 0, 0
	}
	return r.fps, r.answers
}

// due says whether a status should be told now, and takes it as told.
func (r *pace) due(now time.Time, every time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.told) < every {
		return false
	}
	r.told = now
	return true
}
