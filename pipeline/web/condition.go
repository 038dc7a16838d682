package web

import (
	"net/http"
	"time"

	"deixis/model"
	"deixis/pipeline/web/guard"
)

// Condition is how a run is doing, for somebody who looks after it.
type Condition struct {
	Uptime   float64       `json:"uptime"` // seconds that the page is served
	Camera   string        `json:"camera"`
	Frames   Frames        `json:"frames"`
	Outputs  []Output      `json:"outputs"`
	Provider Provider      `json:"provider"`
	Watchers int           `json:"watchers"` // of the stream
	Heat     []Temperature `json:"temperatures"`
}

// Frames are counted since the line began.
type Frames struct {
	Captured uint64 `json:"captured"`
	Answered uint64 `json:"answered"`
	Shown    uint64 `json:"shown"`
	Skipped  uint64 `json:"skipped"` // came while the network was busy
}

// A Temperature is what one sensor of the machine says.
type Temperature struct {
	Name    string  `json:"name"`
	Celsius float64 `json:"celsius"`
}

// condition answers with it.
func (s *Server) condition(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	n := s.o.Line.Stats()
	c := Condition{
		Uptime: model.Round(now.Sub(s.began).Seconds(), 1), Camera: s.camera(now), Outputs: s.outputs(), Watchers: s.streams.count(),
		Frames: Frames{Captured: n.Captured, Answered: n.Answered, Shown: n.Shown, Skipped: n.Skipped}, Heat: []Temperature{},
	}
	if s.o.About != nil {
		c.Provider = s.o.About().Provider
	}
	c.Provider.Not = append([]string{}, c.Provider.Not...) // never null in JSON
	if s.o.Temperatures != nil {
		c.Heat = append(c.Heat, s.o.Temperatures()...)
	}
	guard.Answer(w, http.StatusOK, c)
}
