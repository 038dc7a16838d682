package listen

import (
	"context"
	"sync"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

// A Sight is a sink that keeps the newest frame for a Chooser, and tells its
// Line what is shown. It wants frames without the overlay.
type Sight struct {
	Line *Line // nil: nobody asks

	mu   sync.Mutex
	last camera.Frame // Seq 0 before the first
}

// Show keeps a copy of f.
func (s *Sight) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	s.mu.Lock()
	f.CopyTo(&s.last)
	s.mu.Unlock()
	if s.Line != nil {
		s.Line.Shown(views, time.Now())
	}
	return nil
}

// Newest copies the newest frame to f; false before the first.
func (s *Sight) Newest(f *camera.Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.Seq == 0 {
		return false
	}
	s.last.CopyTo(f)
	return true
}
