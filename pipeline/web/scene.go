package web

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/web/guard"
)

// A scene is the newest frame, without overlay, and what is known on it.
type scene struct {
	mu    sync.Mutex
	frame camera.Frame // Seq 0 before the first
	views []pipeline.View
	seen  time.Time // when it came

	painting sync.Mutex   // held while the fields below are used
	paint    camera.Frame // a copy to draw on
	shots    [2]shot      // bare and drawn
}

// A shot is a JPEG of the scene, made once however many ask for it.
type shot struct {
	seq  uint64
	seen time.Time
	jpeg []byte
}

// set takes a new frame.
func (s *scene) set(f *camera.Frame, views []pipeline.View, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.CopyTo(&s.frame)
	s.views, s.seen = views, now
}

// copyTo copies the newest frame and says what is known on it and when it came.
func (s *scene) copyTo(f *camera.Frame) ([]pipeline.View, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frame.Seq > 0 {
		s.frame.CopyTo(f)
	}
	return s.views, s.seen
}

// jpeg is the newest frame, drawn on or bare. Its seq is 0 before the first.
func (s *Server) jpeg(overlay bool, quality int) (jpeg []byte, seq uint64, err error) {
	n := &s.now
	n.painting.Lock()
	defer n.painting.Unlock()
	n.paint.Seq = 0
	views, seen := n.copyTo(&n.paint)
	seq = n.paint.Seq
	last := &n.shots[0]
	if overlay {
		last = &n.shots[1]
	}
	if seq == 0 || last.seq == seq && last.seen.Equal(seen) && last.jpeg != nil {
		return last.jpeg, seq, nil
	}
	if overlay {
		s.o.Draw(&n.paint, views)
	}
	if jpeg, err = s.o.Encode(&n.paint, quality); err == nil {
		*last = shot{seq, seen, jpeg}
	}
	return jpeg, seq, err
}

// snapshot is the picture as it is now.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	overlay, keep := choice(r, "overlay", true), choice(r, "keep", false)
	if keep && overlay {
		guard.Refuse(w, http.StatusBadRequest, "keep=true needs overlay=false: nobody should learn from boxes drawn on a picture")
		return
	}
	jpeg, seq, err := s.jpeg(overlay, snapshotQuality)
	switch {
	case err != nil:
		guard.Refuse(w, http.StatusInternalServerError, "%v", err)
		return
	case seq == 0:
		w.Header().Set("Retry-After", "1")
		guard.Refuse(w, http.StatusServiceUnavailable, "no picture yet")
		return
	}
	if keep {
		s.kept.add(seq, jpeg)
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Length", strconv.Itoa(len(jpeg)))
	h.Set("X-Deixis-Seq", strconv.FormatUint(seq, 10))
	w.Write(jpeg)
}

// mostKept is how many pictures wait to be corrected.
const mostKept = 16

// kept are the pictures that somebody wants to correct.
type kept struct {
	mu    sync.Mutex
	shots []shot // oldest first
}

func (k *kept) add(seq uint64, jpeg []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shots = slices.DeleteFunc(k.shots, func(s shot) bool { return s.seq == seq })
	if len(k.shots) >= mostKept {
		k.shots = slices.Delete(k.shots, 0, 1)
	}
	k.shots = append(k.shots, shot{seq: seq, jpeg: jpeg})
}

func (k *kept) get(seq uint64) ([]byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.shots, func(s shot) bool { return s.seq == seq })
	if i < 0 {
		return nil, false
	}
	return k.shots[i].jpeg, true
}
