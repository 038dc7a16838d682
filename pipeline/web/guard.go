package web

import (
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// policy lets the page load what it brings along and nothing else.
const policy = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// cookie keeps the token for a browser that came with it once.
const cookie = "deixis"

// guard keeps strangers away: scripts of other pages must neither change
// phrases nor, by a name that they point at this machine, look through the
// camera; and from other machines only who has the token comes in.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", "Origin, Cookie, Authorization")
		if !s.fast(w, r) || !s.known(w, r) || !s.ours(w, r) {
			return
		}
		if r.Method == http.MethodOptions {
			preflight(w, r)
			return
		}
		if !s.trusted(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known checks that the request asks for this machine by a name of its own.
func (s *Server) known(w http.ResponseWriter, r *http.Request) bool {
	good := isLocal(r.Host) || !s.local && isOurs(r.Host) ||
		slices.ContainsFunc(s.o.Origins, func(o string) bool { return strings.EqualFold(hostOf(o), r.Host) })
	if good {
		return true
	}
	s.count.refused.WithLabelValues("host").Inc()
	if s.local {
		refuse(w, http.StatusForbidden, "host %q: this page is served to this machine only, ask for it by localhost or 127.0.0.1", r.Host)
	} else {
		refuse(w, http.StatusForbidden, "host %q: ask for this page by the machine's address or name (or allow another with --http-origin)", r.Host)
	}
	return false
}

// ours checks that the request comes from this page, from a page that was
// allowed, or from no page at all: browsers name the page of every request
// that could do harm, programs need not.
func (s *Server) ours(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if slices.ContainsFunc(s.o.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "X-Deixis-Seq, Retry-After")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		return true
	}
	if sameOrigin(r) {
		return true
	}
	s.count.refused.WithLabelValues("origin").Inc()
	from := origin
	if from == "" {
		from = r.Header.Get("Sec-Fetch-Site")
	}
	refuse(w, http.StatusForbidden, "origin %q: only the page itself may do that (allow another with --http-origin)", from)
	return false
}

// trusted checks the token. A browser that brings it in the address of the
// page gets it as a cookie, and the address without it.
func (s *Server) trusted(w http.ResponseWriter, r *http.Request) bool {
	if s.o.Token == "" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return true
	}
	if s.isToken(r.URL.Query().Get("token")) {
		if r.URL.Path == "/" {
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: s.o.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return false
		}
		return true
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie(cookie); s.isToken(bearer) || err == nil && s.isToken(c.Value) {
		return true
	}
	s.count.refused.WithLabelValues("token").Inc()
	w.Header().Set("WWW-Authenticate", "Bearer")
	refuse(w, http.StatusUnauthorized, "the token is missing or wrong: open the page with ?token=…, or send Authorization: Bearer …")
	return false
}

func (s *Server) isToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.o.Token)) == 1
}

// preflight tells a browser what an allowed page may do; ours has let it pass.
func preflight(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" {
		w.Header().Set("Access-Control-Allow-Methods", "GET, PUT, POST, DELETE")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// parseOrigins checks origins and writes them as browsers do.
func parseOrigins(given []string) ([]string, error) {
	var origins []string
	for _, o := range given {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf("allow origin %q: not an origin (write https://robot.example:8443)", o)
		}
		origins = append(origins, u.Scheme+"://"+u.Host)
	}
	return origins, nil
}

// hostOf is the host and port of an origin.
func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}

// isLocal says whether a Host header names this machine as itself.
func isLocal(host string) bool {
	name := hostname(host)
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// isOurs says whether a Host header names this machine by an address or by its
// own name: a stranger's name that was pointed at this machine is refused.
func isOurs(host string) bool {
	name := hostname(host)
	own, err := os.Hostname()
	return net.ParseIP(name) != nil ||
		err == nil && (strings.EqualFold(name, own) || strings.EqualFold(name, own+".local"))
}

// hostname is a Host header without its port and brackets.
func hostname(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return strings.Trim(host, "[]")
	}
	return name
}

// sameOrigin says whether a request comes from the page itself, or from no
// page at all. A link on another page may lead to this one.
func sameOrigin(r *http.Request) bool {
	site, reads := r.Header.Get("Sec-Fetch-Site"), r.Method == http.MethodGet || r.Method == http.MethodHead
	if site != "" && site != "same-origin" && site != "none" {
		visit := reads && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if !visit {
			return false
		}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
