// Package web serves the line to browsers and programs: a page with the live
// picture, and the API that openapi.yaml describes.
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
	"deixis/pipeline"
)

//go:embed page
var page embed.FS

//go:embed openapi.yaml
var openapi []byte

// Options are what the server needs from the program. Line, Encode, Draw and
// Ask must be there.
type Options struct {
	Source string // shown on the page
	Line   Line
	About  func() About // tells what runs; nil tells nothing
	Lost   func() bool  // whether the source is away; nil: it never is

	// Encode turns a frame into a JPEG of quality 1 to 100.
	Encode func(f *camera.Frame, quality int) ([]byte, error)
	// Draw paints the views on a frame. It is called by one goroutine at a time.
	Draw func(f *camera.Frame, views []pipeline.View)
	// Ask replaces the phrases, none for looking for nothing. Its error is shown
	// to the person who asked.
	Ask func(texts []string) error
	// Keep saves a correction. nil: corrections are not taken.
	Keep func(c Correction) error
	// Voice says what to look for by speech. nil: nobody listens.
	Voice Voice
	// Gate stops the picture and lets it go on. nil: it cannot be stopped.
	Gate pipeline.Pauser
	// Mirror swaps left and right of the picture, or not. nil: it cannot be mirrored.
	Mirror func(on bool)

	Token   string   // needed by everyone but /healthz and /readyz; "" for none, on loopback only
	Origins []string // pages at these origins, as https://robot.example:8443, may read and write, too

	Log *slog.Logger // nil means slog.Default()
}

// Line is what the server reads of the line it shows; a line.Line is one.
type Line interface {
	Phrases() []string
	Stats() pipeline.Stats
	Outputs() []pipeline.OutputStats
	Spread(s pipeline.Stage) pipeline.Spread
	Histogram(s pipeline.Stage) pipeline.Histogram
}

// Quality of the JPEGs, and how many may watch at once.
const (
	streamQuality   = 80
	snapshotQuality = 92
	maxWatchers     = 16
)

// timeouts are how long the server waits for others.
type timeouts struct {
	write time.Duration // a watcher may block one write for so long
	mute  time.Duration // a microphone that sends nothing for so long is gone
	lost  time.Duration // a source that gives no frame for so long counts as lost
}

var defaultTimeouts = timeouts{write: 5 * time.Second, mute: 5 * time.Second, lost: 5 * time.Second}

// Server is a sink that shows frames to everyone who watches the page. It
// wants them without the overlay, see pipeline.Output.
type Server struct {
	o     Options
	local bool // listens on this machine only
	door  *door
	http  *http.Server
	count *counters
	rates *rates

	drawn, bare hub[[]byte] // JPEGs for /api/stream.mjpeg
	events      hub[[]byte] // for /api/events
	heated      hub[[]byte] // the same with attention

	limits timeouts
	asking sync.Mutex     // one change of the phrases at a time
	guests sync.WaitGroup // microphones

	now  scene
	pace pace
	kept kept
}

// Listen takes the address, so that one in use is known before anything runs.
// Serve answers on it; Close gives it back if Serve was never called. An
// address that other machines reach needs Options.Token.
func Listen(addr string, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	origins, err := parseOrigins(o.Origins)
	if err != nil {
		return nil, err
	}
	o.Origins = origins
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w (choose another with --http HOST:PORT)", addr, cause(err))
	}
	s := &Server{o: o, count: newCounters(), rates: newRates(), limits: defaultTimeouts}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.local = a.IP.IsLoopback()
	}
	if !s.local && o.Token == "" {
		ln.Close()
		return nil, fmt.Errorf("listen on %q: other machines reach that address, so it needs a token (give one with --http-token)", addr)
	}
	s.count.registry.MustRegister(s)
	s.door = newDoor(ln, s.count)
	s.http = &http.Server{
		Handler:           s.handler(),
		ConnState:         s.door.state,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       30 * time.Second,
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

// URL is where the page is, without the token.
func (s *Server) URL() string { return "http://" + s.door.Addr().String() + "/" }

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
	ctx, quit := context.WithCancel(ctx)
	var heart sync.WaitGroup
	heart.Go(func() { s.heartbeat(ctx) })
	err := s.http.Serve(s.door)
	quit()
	heart.Wait()
	if !stop() {
		<-shut
	}
	s.door.wait()
	s.guests.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve page: %w", err)
	}
	return nil
}

// Close gives the address back.
func (s *Server) Close() error {
	err := s.http.Close()
	if e := s.door.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// routes are the addresses of the API and who answers them. openapi.yaml
// describes exactly these.
func (s *Server) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /healthz":                 s.health,
		"GET /readyz":                  s.ready,
		"GET /metrics":                 s.metrics,
		"GET /api/openapi.yaml":        s.describe,
		"GET /api/about":               s.about,
		"GET /api/status":              s.status,
		"GET /api/events":              s.follow,
		"GET /api/stream.mjpeg":        s.stream,
		"GET /api/frame.jpeg":          s.snapshot,
		"GET /api/phrases":             s.phrases,
		"PUT /api/phrases":             s.replace,
		"DELETE /api/phrases":          s.clear,
		"PUT /api/phrases/{phrase}":    s.add,
		"DELETE /api/phrases/{phrase}": s.remove,
		"POST /api/pause":              s.pause,
		"POST /api/resume":             s.resume,
		"PUT /api/mirror":              s.mirror,
		"POST /api/corrections":        s.correct,
		"POST /api/speech":             s.speech,
		"POST /api/listen":             s.talk,
		"GET /api/microphone":          s.microphone,
	}
}

// handler knows every address of the page and the API.
func (s *Server) handler() http.Handler {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/", nowhere)
	mux.HandleFunc("/", nowhere)
	mux.Handle("GET /", http.FileServerFS(files))
	for pattern, answer := range s.routes() {
		mux.HandleFunc(pattern, answer)
	}
	return s.guard(mux)
}

// nowhere answers what the API does not know.
func nowhere(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "%s %s is not part of the API (see /api/openapi.yaml)", r.Method, r.URL.Path)
}

func (s *Server) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openapi)
}
