package web

import (
	"net/http"
	"time"

	"deixis/model"
	"deixis/pipeline/web/guard"
)

// health is 200 as long as the program answers at all: starting it again would
// not bring a camera back.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	guard.Answer(w, http.StatusOK, map[string]bool{"ok": true})
}

// ready is 200 while pictures come or are paused by somebody, and 503 otherwise.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	state := s.camera(now)
	s.now.mu.Lock()
	seq, seen := s.now.frame.Seq, s.now.seen
	s.now.mu.Unlock()
	said := struct {
		Ready  bool    `json:"ready"`
		Camera string  `json:"camera"`
		Seq    uint64  `json:"seq"`
		AgeMS  float64 `json:"age_ms"` // since the newest frame came
	}{Ready: seq > 0 && (state == live || state == paused), Camera: state, Seq: seq}
	if seq > 0 {
		said.AgeMS = model.Round(float64(now.Sub(seen))/float64(time.Millisecond), 1)
	}
	code := http.StatusOK
	if !said.Ready {
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	guard.Answer(w, code, said)
}

// pause stops the picture.
func (s *Server) pause(w http.ResponseWriter, _ *http.Request) { s.stop(w, true) }

// resume lets it go on.
func (s *Server) resume(w http.ResponseWriter, _ *http.Request) { s.stop(w, false) }

func (s *Server) stop(w http.ResponseWriter, on bool) {
	if s.o.Gate == nil {
		guard.Refuse(w, http.StatusConflict, "this source cannot be paused")
		return
	}
	s.o.Gate.Pause(on)
	s.tell(time.Now())
	guard.Answer(w, http.StatusOK, map[string]bool{"paused": on})
}

// mirror turns the picture round like a mirror's, or back.
func (s *Server) mirror(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Mirrored bool `json:"mirrored"`
	}
	if !take(w, r, &body) {
		return
	}
	if s.o.Mirror == nil {
		guard.Refuse(w, http.StatusConflict, "this picture cannot be mirrored")
		return
	}
	s.o.Mirror(body.Mirrored)
	if s.o.Gate != nil {
		s.o.Gate.Nudge() // a picture that stands turns, too
	}
	guard.Answer(w, http.StatusOK, body)
}

// command does what a voice can command. What cannot be done now is a conflict.
func (s *Server) command(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Command string `json:"command"`
		Track   int    `json:"track"`
	}
	if !take(w, r, &body) {
		return
	}
	if s.o.Command == nil {
		guard.Refuse(w, http.StatusConflict, "nothing can be commanded here")
		return
	}
	if err := s.o.Command(body.Command, body.Track); err != nil {
		guard.Refuse(w, http.StatusConflict, "%s: %s", body.Command, oneLine(err.Error()))
		return
	}
	guard.Answer(w, http.StatusOK, map[string]string{"command": body.Command})
}
