package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"deixis/pipeline/web/guard"
)

// routes are the addresses of the API and who answers them. openapi.yaml
// describes exactly these.
func (s *Server) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /healthz":                 s.health,
		"GET /readyz":                  s.ready,
		"GET /metrics":                 s.metrics,
		"GET /api/openapi.yaml":        s.describe,
		"GET /api/about":               s.about,
		"GET /api/health":              s.condition,
		"GET /api/settings":            s.settings,
		"PATCH /api/settings":          s.set,
		"POST /api/reload":             s.reload,
		"GET /api/status":              s.status,
		"GET /api/events":              s.follow,
		"GET /api/stream.mjpeg":        s.watchStream,
		"GET /api/frame.jpeg":          s.snapshot,
		"GET /api/phrases":             s.phrases,
		"PUT /api/phrases":             s.replace,
		"DELETE /api/phrases":          s.clear,
		"PUT /api/phrases/{phrase}":    s.add,
		"DELETE /api/phrases/{phrase}": s.remove,
		"POST /api/pause":              s.pause,
		"POST /api/resume":             s.resume,
		"PUT /api/mirror":              s.mirror,
		"POST /api/command":            s.command,
		"POST /api/corrections":        s.correct,
		"POST /api/speech":             s.speech,
		"POST /api/listen":             s.talk,
		"GET /api/microphone":          s.microphone,
	}
}

// handler knows every address of the page and the API.
func (s *Server) handler() (http.Handler, error) {
	files, err := fs.Sub(page, "page")
	if err != nil {
		return nil, err
	}
	known, err := operations()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, next := range s.routes() {
		if known[pattern].route == nil {
			return nil, fmt.Errorf("read openapi.yaml: it does not describe %s", pattern)
		}
		mux.HandleFunc(pattern, s.described(known[pattern], next))
	}
	mux.HandleFunc("GET /shape.css", s.shape)
	pages := http.FileServerFS(files)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		is, err := fs.Stat(files, name)
		there := name == "" || err == nil && is.Mode().IsRegular()
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if there && reads && s.guard.Settle(r) {
			pages.ServeHTTP(w, r)
			return
		}
		nowhere(w, r, methods(mux, r))
	})
	return s.guard.Wrap(s.counted(clean(mux))), nil
}

// clean refuses an address that a ServeMux would lead elsewhere, without what a
// proxy puts before it.
func clean(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.EscapedPath(); p != path.Clean(p) && p != path.Clean(p)+"/" {
			nowhere(w, r, nil)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// methods are those that the address of r is known with.
func methods(mux *http.ServeMux, r *http.Request) []string {
	var all []string
	for _, m := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodPost, http.MethodDelete} {
		other := *r
		other.Method = m
		if _, pattern := mux.Handler(&other); strings.HasPrefix(pattern, m+" ") {
			all = append(all, m)
		}
	}
	return all
}

// nowhere answers what the API does not know: an address, or another method than
// those of it.
func nowhere(w http.ResponseWriter, r *http.Request, known []string) {
	if len(known) > 0 && !slices.Contains(known, r.Method) {
		w.Header().Set("Allow", strings.Join(known, ", "))
		guard.Refuse(w, http.StatusMethodNotAllowed, "%s %s: write %s (see /api/openapi.yaml)", r.Method, r.URL.Path, strings.Join(known, " or "))
		return
	}
	guard.Refuse(w, http.StatusNotFound, "%s %s is not part of the API (see /api/openapi.yaml)", r.Method, r.URL.Path)
}

func (s *Server) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openapi)
}

// A crew counts the handlers that run. http.Server's Close ends their
// connections and does not wait for them.
type crew struct {
	mu   sync.Mutex
	over bool
	in   sync.WaitGroup
}

// enter is false once wait has been called.
func (c *crew) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.in.Add(1)
	}
	return !c.over
}

// wait lets no more in, and waits for the others.
func (c *crew) wait() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.in.Wait()
}

// counted has Serve wait for each request.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.crew.enter() {
			s.guard.Dismiss(w, r, http.StatusServiceUnavailable, "the program ends")
			return
		}
		defer s.crew.in.Done()
		next.ServeHTTP(w, r)
	})
}
