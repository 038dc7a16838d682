// Package guard decides who may come in to an HTTP server and how often:
// connections at the door, then requests by host, origin, token and rate.
package guard

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Addresses that need no token: the first is always answered, the second says
// whether pictures come.
const (
	alive = "/healthz"
	ready = "/readyz"
)

// Options say who is let in. The zero value of each is its default.
type Options struct {
	Local   bool     // other machines do not reach the address
	Token   string   // what a request must bring; "" for nothing
	Origins []string // pages of these origins may use the server, too, see ParseOrigins
	Base    string   // path under which a proxy shows the server, see ParseBase
	Secure  bool     // the connection is encrypted

	// Farewell is how long those who are refused may take to hear why; 0 is half a
	// second. A request that drips its body ends with it.
	Farewell time.Duration
	Refused  func(reason string) // counts refusals; nil counts none
	Inside   func(n int)         // told how many connections there are; nil is told nothing
}

// Reasons are those that Options.Refused is called with.
func Reasons() []string {
	return []string{"host", "origin", "token", "rate", "connections", "silent"}
}

// A Guard stands before one server.
type Guard struct {
	o     Options
	rates rates
	door  door
}

// New is a guard with its door open: see Listener, Attach and Wrap.
func New(o Options) *Guard {
	if o.Farewell == 0 {
		o.Farewell = 500 * time.Millisecond
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	if o.Inside == nil {
		o.Inside = func(int) {}
	}
	if o.Base == "" {
		o.Base = "/"
	}
	g := &Guard{o: o}
	g.rates.clients = map[netip.Prefix]*allowance{}
	g.door.open(o)
	return g
}

// Base is where the page is shown, with a slash at both ends.
func (g *Guard) Base() string { return g.o.Base }

// Attach tells the guard of the connections of srv.
func (g *Guard) Attach(srv *http.Server) {
	srv.ConnState, srv.ConnContext = g.door.state, withWire
}

// Wait waits for those who are refused and still reading why.
func (g *Guard) Wait() { g.door.leaving.Wait() }

// policy lets the page load what it brings along and nothing else.
const policy = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// Wrap lets those requests through to next that may come in. Others hear why not
// in one line of JSON, and their connection ends.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Origin, Cookie, Authorization")
		if no := g.judge(w, r); no != nil {
			g.refuse(w, r, no)
			return
		}
		switch {
		case r.Method == http.MethodOptions:
			preflight(w, r)
		case r.URL.Path == "/" && g.brings(r):
			g.login(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
	if g.o.Base == "/" {
		return inner
	}
	stripped := http.StripPrefix(strings.TrimSuffix(g.o.Base, "/"), inner)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, g.o.Base) { // a proxy that leaves its part of the address
			stripped.ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// A refusal says why a request is not let in.
type refusal struct {
	reason string // one of Reasons
	code   int    // of HTTP
	text   string
}

// judge is nil for a request that may come in. What strangers ask is counted
// apart from what those ask who may come in: nobody spends another's allowance.
func (g *Guard) judge(w http.ResponseWriter, r *http.Request) *refusal {
	a := g.rates.of(addressOf(r.RemoteAddr))
	no := g.named(r)
	if no == nil {
		no = g.ours(w, r)
	}
	switch {
	case no != nil:
	case r.URL.Path == alive:
		return nil
	case r.Method == http.MethodOptions: // browsers ask without a token
		return a.stranger()
	case g.trusts(r):
		return a.friend(r)
	case r.URL.Path == ready:
		return a.stranger()
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
		no = &refusal{"token", http.StatusUnauthorized, "the token is missing or wrong: open the page with ?token=…, or send Authorization: Bearer …"}
	}
	if often := a.stranger(); often != nil {
		return often
	}
	return no
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	g.o.Refused(no.reason)
	if no.code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	g.Dismiss(w, r, no.code, "%s", no.text)
}

// answerIn is how long an answer of one line may take to be taken.
const answerIn = 10 * time.Second

// mostUnread is how much of a refused request's body is read, so that its sender
// comes to hear why, bytes.
const mostUnread = 1 << 20

// Dismiss answers with an error of one line and ends the connection, so that who
// is refused holds nothing: neither by a body that drips nor by an answer that
// is not read.
func (g *Guard) Dismiss(w http.ResponseWriter, r *http.Request, code int, format string, args ...any) {
	out, now := http.NewResponseController(w), time.Now()
	out.SetReadDeadline(now.Add(g.o.Farewell))
	out.SetWriteDeadline(now.Add(max(answerIn, g.o.Farewell)))
	w.Header().Set("Connection", "close")
	Refuse(w, code, format, args...)
	if out.Flush() == nil {
		io.CopyN(io.Discard, r.Body, mostUnread)
	}
}

// Refuse answers with an error of one line.
func Refuse(w http.ResponseWriter, code int, format string, args ...any) {
	Answer(w, code, map[string]string{"error": fmt.Sprintf(format, args...)})
}

// Answer writes v as JSON.
func Answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}
