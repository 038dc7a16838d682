package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

const (
	maxBody  = 4 << 10          // bytes of a phrase; more is no phrase
	patience = 5 * time.Second  // how long a watcher may block a write
	beat     = 10 * time.Second // how often an idle connection is tried
	boundary = "deixisframe"    // between two pictures of the stream
)

// stream sends JPEGs one after the other, the newest whenever the watcher is
// ready for one.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	jpegs, ok := s.jpegs.join(maxWatchers)
	if !ok {
		http.Error(w, "too many watch already", http.StatusServiceUnavailable)
		return
	}
	defer s.jpegs.leave(jpegs)
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary="+boundary)
	s.pump(w, r, jpegs, "", func(w io.Writer, jpeg []byte) error {
		_, err := fmt.Fprintf(w, "--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", boundary, len(jpeg), jpeg)
		return err
	})
}

// follow sends statuses as Server-Sent Events.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	lines, ok := s.events.join(maxWatchers)
	if !ok {
		http.Error(w, "too many watch already", http.StatusServiceUnavailable)
		return
	}
	defer s.events.leave(lines)
	w.Header().Set("Content-Type", "text/event-stream")
	s.pump(w, r, lines, ": still here\n\n", func(w io.Writer, line []byte) error {
		_, err := fmt.Fprintf(w, "data: %s\n\n", line)
		return err
	})
}

// pump writes what comes until the watcher leaves. When nothing comes for a
// while it writes idle, so that a watcher who has left is noticed.
func (s *Server) pump(w http.ResponseWriter, r *http.Request, from <-chan []byte, idle string, write func(io.Writer, []byte) error) {
	out := http.NewResponseController(w)
	out.SetReadDeadline(time.Time{}) // the request has been read; the watching has no end
	out.Flush()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		var err error
		select {
		case v := <-from:
			out.SetWriteDeadline(time.Now().Add(patience))
			err = write(w, v)
		case <-tick.C:
			out.SetWriteDeadline(time.Now().Add(patience))
			_, err = io.WriteString(w, idle)
		case <-r.Context().Done():
			return
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return
		}
	}
}

// snapshot is the picture as it is now.
func (s *Server) snapshot(w http.ResponseWriter, _ *http.Request) {
	var f camera.Frame
	s.mu.Lock()
	if s.last.Seq > 0 {
		s.last.CopyTo(&f)
	}
	s.mu.Unlock()
	if f.Seq == 0 {
		http.Error(w, "no picture yet", http.StatusServiceUnavailable)
		return
	}
	jpeg, err := s.o.Encode(&f, snapshotQuality)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(jpeg)))
	w.Write(jpeg)
}

// health is 200 while pictures come, and 503 once none came for five seconds.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	seq, seen := s.last.Seq, s.seen
	s.mu.Unlock()
	since := time.Since(seen)
	h := struct {
		OK    bool    `json:"ok"`
		Seq   uint64  `json:"seq"`
		AgeMS float64 `json:"age_ms"`
	}{OK: seq > 0 && since < patience, Seq: seq}
	if seq > 0 {
		h.AgeMS = round1(float64(since) / float64(time.Millisecond))
	}
	w.Header().Set("Content-Type", "application/json")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(h)
}

// phrase replaces the phrases: {"phrase": "a; b"} as JSON, or the same as a form.
func (s *Server) phrase(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	text, err := phraseOf(r)
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		http.Error(w, "that is too long for a phrase", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.o.Ask(pipeline.Split(text)); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string][]string{"phrases": s.phrases()})
}

func phraseOf(r *http.Request) (string, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		var body struct {
			Phrase string `json:"phrase"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			var long *http.MaxBytesError
			if errors.As(err, &long) {
				return "", err
			}
			return "", errors.New(`not JSON like {"phrase": "the red cup"}`)
		}
		return body.Phrase, nil
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return "", err
		}
		return r.PostForm.Get("phrase"), nil
	}
	return "", errors.New("send the phrase as JSON or as a form")
}
