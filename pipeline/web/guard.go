package web

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// policy lets the page load what it brings along and nothing else.
const policy = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// guard keeps other pages away: their scripts must neither change phrases nor,
// by a name that they point at this machine, look through the camera.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if s.local && !isLocal(r.Host) {
			http.Error(w, "this page is served to this machine only", http.StatusForbidden)
			return
		}
		if !s.local && !isOurs(r.Host) {
			http.Error(w, "ask for this page by the machine's address or name", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !sameOrigin(r) {
			http.Error(w, "only the page itself may do that", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
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
	return isLocal(host) || net.ParseIP(name) != nil ||
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
// page at all: browsers name the origin of every write, programs need not.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
