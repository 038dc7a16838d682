package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/event"
	"deixis/pipeline/overlay"
	"deixis/pipeline/web/guard"
)

// Status is what the page is told: once for every change that a person can
// follow, about thirty times a second at most, and once a second without any frame.
type Status struct {
	V       int              `json:"v"`
	Source  string           `json:"source"`
	Camera  string           `json:"camera"`   // waiting, live, paused or lost
	Seq     uint64           `json:"seq"`      // of the newest frame; 0 before the first
	Size    [2]int           `json:"size"`     // pixels
	Mirror  bool             `json:"mirrored"` // whether left and right are swapped, in the picture and in boxes
	FPS     float64          `json:"fps"`      // frames shown a second
	Answers float64          `json:"answers"`  // answers a second
	AgeMS   [2]int           `json:"age_ms"`   // of the answers shown lately: half of them, and 95 of 100, at most
	Runs    string           `json:"provider"` // what runs the network
	Phrases []string         `json:"phrases"`  // as asked
	Targets []Target         `json:"targets"`  // one a phrase
	Outputs []Output         `json:"outputs"`  // where frames go, the page among them
	Speech  *pipeline.Speech `json:"speech"`   // what is known of it; null where nobody listens
}

// Target is what is known of one phrase on the newest frame, with what the page
// needs to show it.
type Target struct {
	event.Target
	Color string   `json:"color"`           // as on the picture
	Notes []string `json:"notes,omitempty"` // what of the phrase is not served
	Heat  *Heat    `json:"heat,omitempty"`  // where the network looks, for who asked for it
}

// Heat is a coarse picture of attention.
type Heat struct {
	Grid   int    `json:"grid"`   // side, cells
	Values []byte `json:"values"` // row by row, 255 where it is strongest
}

// The time from one status to the next, with frames and without.
const (
	statusEvery = 30 * time.Millisecond
	idleEvery   = time.Second
)

// The states of the camera in a Status.
const (
	waiting = "waiting"
	live    = "live"
	paused  = "paused"
	lost    = "lost"
)

// Show sends f to everyone who watches. A watcher who is slow misses frames.
func (s *Server) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	now := time.Now()
	s.now.set(f, views, now)
	s.pace.shown(now, views)
	if err := s.stream(f, views, s.streams.due(now)); err != nil {
		return err
	}
	if s.pace.due(now, statusEvery) {
		s.tell(now)
	}
	return nil
}

// stream sends f to those who watch as it is due, encoded once a quality and drawn on
// once.
func (s *Server) stream(f *camera.Frame, views []pipeline.View, due map[look]*watched) error {
	jpegs, drawn := map[look][]byte{}, false
	n := &s.now
	n.painting.Lock()
	defer n.painting.Unlock()
	for want, to := range due {
		from, kind := f, look{overlay: want.overlay, quality: want.quality}
		if want.overlay {
			if from = &n.paint; !drawn {
				f.CopyTo(from)
				s.o.Draw(from, views)
				drawn = true
			}
		}
		if jpegs[kind] == nil {
			var err error
			if jpegs[kind], err = s.o.Encode(from, want.quality); err != nil {
				return err
			}
		}
		s.count.skipped.WithLabelValues("stream").Add(float64(to.send(jpegs[kind])))
	}
	return nil
}

// heartbeat tells the state while no frame comes.
func (s *Server) heartbeat(ctx context.Context) {
	tick := time.NewTicker(idleEvery / 4)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if s.pace.due(now, idleEvery) {
				s.tell(now)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tell sends a status to those who follow.
func (s *Server) tell(now time.Time) {
	for _, to := range []struct {
		hub  *hub[[]byte]
		heat bool
	}{{&s.events, false}, {&s.heated, true}} {
		if to.hub.watchers() == 0 {
			continue
		}
		line, err := json.Marshal(s.statusAt(now, to.heat))
		if err != nil {
			s.o.Log.Error("encode status", "err", err) // a number that is none
			return
		}
		s.count.skipped.WithLabelValues("events").Add(float64(to.hub.send(line)))
	}
}

// status answers with one status.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	guard.Answer(w, http.StatusOK, s.statusAt(time.Now(), choice(r, "attention", false)))
}

// camera is the state of the source.
func (s *Server) camera(now time.Time) string {
	s.now.mu.Lock()
	seq, seen := s.now.frame.Seq, s.now.seen
	s.now.mu.Unlock()
	switch {
	case s.o.Gate != nil && s.o.Gate.Paused():
		return paused
	case s.o.Lost != nil && s.o.Lost():
		return lost
	case seq == 0:
		return waiting
	case now.Sub(seen) > s.limits.lost:
		return lost
	}
	return live
}

func (s *Server) statusAt(now time.Time, heat bool) Status {
	s.now.mu.Lock()
	f := camera.Frame{Seq: s.now.frame.Seq, At: s.now.frame.At, Width: s.now.frame.Width, Height: s.now.frame.Height}
	views, mirrored := s.now.views, s.now.frame.Mirrored
	s.now.mu.Unlock()
	age := s.o.Line.Spread(pipeline.StageAge)
	fps, answers := s.pace.now(now, s.limits.lost)
	st := Status{
		V: 1, Source: s.o.Source, Camera: s.camera(now), Seq: f.Seq, Size: [2]int{f.Width, f.Height}, Mirror: mirrored, FPS: fps, Answers: answers,
		AgeMS: [2]int{int(age.P50.Milliseconds()), int(age.P95.Milliseconds())}, Phrases: s.asked(), Targets: []Target{}, Outputs: s.outputs(), Speech: s.voice(),
	}
	if s.o.About != nil {
		st.Runs = s.o.About().Provider.Name
	}
	for i, phrase := range st.Phrases {
		v := pipeline.View{Phrase: phrase} // of one that is asked since the newest frame
		if n := slices.IndexFunc(views, func(v pipeline.View) bool { return v.Phrase == phrase }); n >= 0 {
			v = views[n]
		}
		t := target(i, &v, heat, st.Camera)
		if s.o.Notes != nil {
			t.Notes = s.o.Notes(phrase)
		}
		st.Targets = append(st.Targets, t)
	}
	return st
}

func target(i int, v *pipeline.View, heat bool, camera string) Target {
	c := overlay.Color(i)
	t := Target{Target: event.NewTarget(v), Color: fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)}
	if camera == lost && v.HasBox() { // no box is true of what nobody sees
		t.State, t.Box = pipeline.Lost.String(), nil
	}
	if heat {
		t.Heat = heatOf(v)
	}
	return t
}

// heatOf scales attention to bytes; nil where there is none.
func heatOf(v *pipeline.View) *Heat {
	if v.Grid == 0 || len(v.Attention) != v.Grid*v.Grid {
		return nil
	}
	top := slices.Max(v.Attention)
	h := &Heat{Grid: v.Grid, Values: make([]byte, len(v.Attention))}
	for i, a := range v.Attention {
		if top > 0 && a > 0 {
			h.Values[i] = byte(255 * a / top)
		}
	}
	return h
}
