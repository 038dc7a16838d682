package web

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// status is what the page is told: once for every change that a person can
// follow, ten times a second at most.
type status struct {
	Source  string   `json:"source"`
	Size    [2]int   `json:"size"`    // pixels
	FPS     float64  `json:"fps"`     // frames shown a second
	Answers float64  `json:"answers"` // answers a second
	Targets []target `json:"targets"` // one a phrase
	Phrases []string `json:"phrases"` // as asked
}

type target struct {
	Phrase string  `json:"phrase"`
	State  string  `json:"state"`
	Color  string  `json:"color"` // as on the picture
	Score  float64 `json:"score"` // 0..1
	AgeMS  float64 `json:"age_ms"`
	Track  int     `json:"track"`
}

// statusEvery is the time from one status to the next.
const statusEvery = 100 * time.Millisecond

// Show sends f to everyone who watches. A watcher who is slow misses frames.
func (s *Server) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	s.mu.Lock()
	f.CopyTo(&s.last)
	s.seen = time.Now()
	s.mu.Unlock()
	s.rate.shown(s.seen, views)
	if s.jpegs.watched() {
		jpeg, err := s.o.Encode(f, streamQuality)
		if err != nil {
			return err
		}
		s.jpegs.send(jpeg)
	}
	if s.rate.due(s.seen) {
		line, err := json.Marshal(s.status(f, views))
		if err != nil {
			return fmt.Errorf("encode status: %w", err)
		}
		s.events.send(line)
	}
	return nil
}

func (s *Server) status(f *camera.Frame, views []pipeline.View) status {
	st := status{
		Source: s.o.Source, Size: [2]int{f.Width, f.Height},
		FPS: s.rate.fps, Answers: s.rate.answers, Targets: []target{}, Phrases: s.phrases(),
	}
	for i := range views {
		v, c := &views[i], pipeline.Color(i)
		e := pipeline.NewEvent("", f, v)
		st.Targets = append(st.Targets, target{
			Phrase: e.Phrase, State: e.State, Score: e.Score, AgeMS: e.AgeMS, Track: e.Track,
			Color: fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B),
		})
	}
	return st
}

// phrases are those asked for; never null in JSON.
func (s *Server) phrases() []string {
	if s.o.Phrases == nil {
		return []string{}
	}
	return append([]string{}, s.o.Phrases()...)
}

// rate counts frames and answers a second. It belongs to one goroutine.
type rate struct {
	fps, answers float64

	since        time.Time
	frames, asks int
	seq          uint64 // of the newest answer
	told         time.Time
}

// shown notes one frame at a time, and takes stock once a second.
func (r *rate) shown(now time.Time, views []pipeline.View) {
	if r.since.IsZero() {
		r.since = now
	}
	r.frames++
	if len(views) > 0 && views[0].Seq != r.seq {
		r.seq = views[0].Seq
		r.asks++
	}
	if d := now.Sub(r.since).Seconds(); d >= 1 {
		r.fps, r.answers = round1(float64(r.frames)/d), round1(float64(r.asks)/d)
		r.since, r.frames, r.asks = now, 0, 0
	}
}

func round1(x float64) float64 { return float64(int(x*10+0.5)) / 10 }

// due says whether a status should be sent now.
func (r *rate) due(now time.Time) bool {
	if now.Sub(r.told) < statusEvery {
		return false
	}
	r.told = now
	return true
}
