// Package web shows the line on a page: the live picture, its states, and a
// field for phrases. It needs a browser and nothing else.
package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"deixis/camera"
)

//go:embed page
var page embed.FS

// Options are what the server needs from the program.
type Options struct {
	Source string // shown on the page

	// Encode turns a frame into a JPEG of quality 1 to 100.
	Encode func(f *camera.Frame, quality int) ([]byte, error)
	// Ask replaces the phrases. Its error is shown to the person who asked.
	Ask func(texts []string) error
	// Phrases are those looked for now.
	Phrases func() []string

	Log *slog.Logger // nil means slog.Default()
}

// Quality of the JPEGs, and how many may watch at once.
const (
	streamQuality   = 80
	snapshotQuality = 92
	maxWatchers     = 16
)

// Server is a sink that shows frames to everyone who watches the page.
type Server struct {
	o     Options
	local bool // listens on this machine only
	ln    net.Listener
	http  *http.Server

	jpegs  hub[[]byte] // for /stream.mjpg
	events hub[[]byte] // for /events

	mu   sync.Mutex
	last camera.Frame // for /snapshot.jpg; Seq 0 before the first
	seen time.Time    // when last came

	rate rate // belongs to Show
}

// Listen takes the address, so that one in use is known before anything runs.
// Serve answers on it; Close gives it back if Serve was never called.
func Listen(addr string, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w (choose another with --http HOST:PORT)", addr, cause(err))
	}
	s := &Server{o: o, ln: ln}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.local = a.IP.IsLoopback()
	}
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// cause is the innermost error of a net.OpError, which repeats the address.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// URL is where the page is.
func (s *Server) URL() string { return "http://" + s.ln.Addr().String() + "/" }

// Local says whether only this machine reaches the page.
func (s *Server) Local() bool { return s.local }

// Serve answers until ctx ends, then lets no watcher hold it up. It returns
// nil when ctx ended it.
func (s *Server) Serve(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	shut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(shut)
		soon, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		if s.http.Shutdown(soon) != nil {
			s.http.Close()
		}
	})
	err := s.http.Serve(s.ln)
	if !stop() {
		<-shut
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve page: %w", err)
	}
	return nil
}

// Close gives the address back.
func (s *Server) Close() error {
	err := s.http.Close()
	if e := s.ln.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// handler knows every address of the page.
func (s *Server) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /stream.mjpg", s.stream)
	mux.HandleFunc("GET /events", s.follow)
	mux.HandleFunc("GET /snapshot.jpg", s.snapshot)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("POST /phrase", s.phrase)
	return s.guard(mux)
}
