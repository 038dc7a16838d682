package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"sync"

	"golang.org/x/time/rate"
)

// Limits of what one address may ask, a second and at once.
const (
	asksEach     = 100
	asksAtOnce   = 300
	writesEach   = 10
	writesAtOnce = 30
	maxClients   = 1024     // addresses remembered
	maxBody      = 16 << 10 // bytes of a request
)

// rates holds how much each address has asked lately.
type rates struct {
	mu      sync.Mutex
	clients map[string]*allowance
}

type allowance struct{ asks, writes *rate.Limiter }

func newRates() *rates { return &rates{clients: map[string]*allowance{}} }

// of is the allowance of an address. When too many are known all are
// forgotten: that is generous for a moment, and costs no memory.
func (r *rates) of(addr string) *allowance {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.clients[addr]
	if a == nil {
		if len(r.clients) >= maxClients {
			clear(r.clients)
		}
		a = &allowance{rate.NewLimiter(asksEach, asksAtOnce), rate.NewLimiter(writesEach, writesAtOnce)}
		r.clients[addr] = a
	}
	return a
}

// fast refuses a client that asks too often.
func (s *Server) fast(w http.ResponseWriter, r *http.Request) bool {
	addr, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		addr = r.RemoteAddr
	}
	a := s.rates.of(addr)
	good := a.asks.Allow()
	if good && r.Method != http.MethodGet && r.Method != http.MethodHead {
		good = a.writes.Allow()
	}
	if good {
		return true
	}
	s.count.refused.WithLabelValues("rate").Inc()
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "too many requests: at most %d a second, %d of them changes", asksEach, writesEach)
	return false
}

// refuse answers with an error of one line.
func refuse(w http.ResponseWriter, code int, format string, args ...any) {
	answer(w, code, map[string]string{"error": fmt.Sprintf(format, args...)})
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}

// take reads a JSON body into v, or answers why not.
func take(w http.ResponseWriter, r *http.Request, v any, like string) bool {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "send JSON (Content-Type: application/json) like %s", like)
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil && d.More() {
		err = errors.New("something follows it")
	}
	var long *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &long):
		refuse(w, http.StatusRequestEntityTooLarge, "that is too long: a request has at most %d bytes", maxBody)
	default:
		refuse(w, http.StatusBadRequest, "not JSON like %s: %v", like, err)
	}
	return false
}
