package web

import (
	"fmt"
	"io"
	"net/http"
)

// shape is a style sheet with the shape of the picture, so that the page has it before
// the first picture and without JavaScript: 16:9 while nobody knows it.
func (s *Server) shape(w http.ResponseWriter, r *http.Request) {
	width, height := s.size()
	if width < 1 || height < 1 {
		width, height = 16, 9
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	io.WriteString(w, fmt.Sprintf("figure { --ratio: %.4f; }\n", float64(width)/float64(height)))
}

// size is that of the newest frame, or what the camera says that it gives; zeros are
// unknown.
func (s *Server) size() (width, height int) {
	s.now.mu.Lock()
	width, height = s.now.frame.Width, s.now.frame.Height
	s.now.mu.Unlock()
	if width == 0 && s.o.About != nil {
		got := s.o.About().Got
		return got.Width, got.Height
	}
	return width, height
}
