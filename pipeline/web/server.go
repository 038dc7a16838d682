// Package web serves the line to browsers and programs: a page with the live
// picture, and the API that openapi.yaml describes.
package web

import (
	"context"
	"crypto/tls"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/web/guard"
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
	// Notes are what of a phrase the weights cannot serve, a short line each; nil: nothing
	// is said of it.
	Notes func(phrase string) []string
	// Ask replaces the phrases, none for looking for nothing. Its error is shown
	// to the person who asked.
	Ask func(texts []string) error
	// Command does what a voice can command, by the same words; track is the target that
	// "confirm" means, 0 for whichever is proposed. nil: nothing is commanded.
	Command func(command string, track int) error
	// Keep saves a correction. nil: corrections are not taken.
	Keep func(c Correction) error
	// Voice says what to look for by speech. nil: nobody listens.
	Voice Voice
	// Gate stops the picture and lets it go on. nil: it cannot be stopped.
	Gate pipeline.Pauser
	// Setup changes settings. nil: they stay as they are.
	Setup Setup
	// Temperatures are what the machine's sensors say; nil: nothing.
	Temperatures func() []Temperature
	// Mirror swaps left and right of the picture, or not. nil: it cannot be mirrored.
	Mirror func(on bool)

	Token   string           // needed by everyone but /healthz and /readyz; "" for none, on loopback only
	Origins []string         // pages at these origins, as https://robot.example:8443, may read and write, too
	Base    string           // path under which a proxy shows the page, as /robot/; "" is /
	Cert    *tls.Certificate // what the server encrypts with; nil: it does not

	Log *slog.Logger // nil means slog.Default()

	limits timeouts // zero: defaultTimeouts
}

// Line is what the server reads of the line it shows; a line.Line is one.
type Line interface {
	Phrases() []string
	Stats() pipeline.Stats
	Outputs() []pipeline.OutputStats
	Spread(s pipeline.Stage) pipeline.Spread
	Histogram(s pipeline.Stage) pipeline.Histogram
}

// Quality of the JPEGs where nobody asks for another, and how many may watch at once.
const (
	streamQuality   = 80
	snapshotQuality = 92
	maxWatchers     = 16
)

// timeouts are how long the server waits for others.
type timeouts struct {
	header   time.Duration // a request's header may take so long
	read     time.Duration // and all of it
	answer   time.Duration // an answer may take so long to be read
	idle     time.Duration // a connection may ask nothing for so long
	farewell time.Duration // who is refused may take so long to hear why
	write    time.Duration // a watcher may block one write for so long
	mute     time.Duration // a microphone that sends nothing for so long is gone
	lost     time.Duration // a source that gives no frame for so long counts as lost
}

var defaultTimeouts = timeouts{
	header: 5 * time.Second, read: 10 * time.Second, answer: 10 * time.Second, idle: 30 * time.Second, farewell: 500 * time.Millisecond,
	write: 5 * time.Second, mute: 5 * time.Second, lost: 5 * time.Second,
}

// Server is a sink that shows frames to everyone who watches the page. It
// wants them without the overlay, see pipeline.Output.
type Server struct {
	o     Options
	local bool // listens on this machine only
	addr  net.Addr
	door  net.Listener
	guard *guard.Guard
	http  *http.Server
	count *counters
	crew  crew // handlers
	began time.Time

	streams looks       // JPEGs for /api/stream.mjpeg
	events  hub[[]byte] // for /api/events
	heated  hub[[]byte] // the same with attention

	limits timeouts
	asking sync.Mutex // one change of the phrases at a time
	seats  seats      // of those who send recordings

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
	if o.limits == (timeouts{}) {
		o.limits = defaultTimeouts
	}
	var err error
	if o.Origins, err = guard.ParseOrigins(o.Origins); err != nil {
		return nil, err
	}
	if o.Base, err = guard.ParseBase(o.Base); err != nil {
		return nil, err
	}
	ln, err := net.Listen(networkOf(addr), addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w (choose another with --http HOST:PORT)", addr, cause(err))
	}
	s := &Server{o: o, addr: ln.Addr(), count: newCounters(), limits: o.limits, seats: newSeats(), began: time.Now()}
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		s.local = a.IP.IsLoopback()
	}
	if !s.local && o.Token == "" {
		ln.Close()
		return nil, fmt.Errorf("listen on %q: other machines reach that address, so it needs a token (give one with --http-token)", addr)
	}
	s.count.registry.MustRegister(s)
	s.guard = guard.New(guard.Options{
		Local: s.local, Token: o.Token, Origins: o.Origins, Base: o.Base, Secure: o.Cert != nil, Farewell: o.limits.farewell,
		Refused: func(reason string) { s.count.refused.WithLabelValues(reason).Inc() },
		Inside:  func(n int) { s.count.connections.Set(float64(n)) },
	})
	s.door = s.guard.Listener(ln, s.encryption())
	s.http = &http.Server{
		ReadHeaderTimeout: s.limits.header, ReadTimeout: s.limits.read, WriteTimeout: s.limits.read + s.limits.answer, IdleTimeout: s.limits.idle,
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	s.guard.Attach(s.http)
	if s.http.Handler, err = s.handler(); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return s, nil
}

// networkOf is IPv4 alone where the address is one of IPv4: otherwise 0.0.0.0
// would mean every address of IPv6, too.
func networkOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			return "tcp4"
		}
	}
	return "tcp"
}

// encryption is nil where there is none.
func (s *Server) encryption() *tls.Config {
	if s.o.Cert == nil {
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{*s.o.Cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
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
func (s *Server) URL() string {
	scheme := "http"
	if s.o.Cert != nil {
		scheme = "https"
	}
	return scheme + "://" + s.addr.String() + s.guard.Base()
}

// Local says whether only this machine reaches the page.
func (s *Server) Local() bool { return s.local }

// Serve answers until ctx ends, then lets no watcher hold it up. It returns
// once every handler has, nil when ctx ended it.
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
	s.crew.wait()
	s.guard.Wait()
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
