package web

import (
	"net/http"

	"deixis/pipeline/web/guard"
)

// About says what runs; it changes when a provider fails and another goes on.
type About struct {
	Version  string   `json:"version"`
	Source   string   `json:"source"`
	Bundle   string   `json:"bundle"`
	Asked    Mode     `json:"asked"` // of the camera; zeros leave it the choice
	Got      Mode     `json:"got"`   // what it gives
	Provider Provider `json:"provider"`
	Can      Can      `json:"can"`
}

// Mode is how a camera gives pictures.
type Mode struct {
	Width  int     `json:"width"` // pixels
	Height int     `json:"height"`
	FPS    float64 `json:"fps"`
	Format string  `json:"format"` // four letters, as MJPG; "" unknown
}

// Provider is what runs the network, and why the others do not.
type Provider struct {
	Name      string   `json:"name"`
	Precision string   `json:"precision"`
	Library   string   `json:"library"` // version of ONNX Runtime
	Not       []string `json:"not"`     // name: why
}

// Can is what this run can do besides pointing; the page hides the rest.
type Can struct {
	Pause   bool `json:"pause"`
	Mirror  bool `json:"mirror"`
	Correct bool `json:"correct"`
	Speech  bool `json:"speech"`     // be told by voice what to look for
	Stream  bool `json:"microphone"` // without a button, from the page's microphone
}

func (s *Server) about(w http.ResponseWriter, _ *http.Request) {
	var a About
	if s.o.About != nil {
		a = s.o.About()
	}
	a.Source = s.o.Source
	a.Can = Can{Pause: s.o.Gate != nil, Mirror: s.o.Mirror != nil, Correct: s.o.Keep != nil, Speech: s.o.Voice != nil}
	if v := s.voice(); v != nil {
		a.Can.Stream = v.Mode != "ptt"
	}
	a.Provider.Not = append([]string{}, a.Provider.Not...) // never null in JSON
	guard.Answer(w, http.StatusOK, a)
}
