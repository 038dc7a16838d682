package guard

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
)

// named refuses a request that asks for another machine's name: a stranger's
// name that was pointed here (DNS rebinding) would make the stranger's page ours.
func (g *Guard) named(r *http.Request) *refusal {
	good := isLocal(r.Host) || !g.o.Local && isOurs(r.Host) ||
		slices.ContainsFunc(g.o.Origins, func(o string) bool { return strings.EqualFold(hostOf(o), r.Host) })
	switch {
	case good:
		return nil
	case g.o.Local:
		return &refusal{"host", http.StatusForbidden, fmt.Sprintf("host %q: this page is served to this machine only, ask for it by localhost or 127.0.0.1", r.Host)}
	}
	return &refusal{"host", http.StatusForbidden, fmt.Sprintf("host %q: ask for this page by the machine's address or name (or allow another with --http-origin)", r.Host)}
}

// ours refuses a request of a page that is neither this one nor allowed: browsers
// name the page of every request that could do harm, programs need not.
func (g *Guard) ours(w http.ResponseWriter, r *http.Request) *refusal {
	origin := r.Header.Get("Origin")
	if slices.ContainsFunc(g.o.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "X-Deixis-Seq, Retry-After")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		return nil
	}
	if sameOrigin(r) {
		return nil
	}
	from := origin
	if from == "" {
		from = r.Header.Get("Sec-Fetch-Site")
	}
	return &refusal{"origin", http.StatusForbidden, fmt.Sprintf("origin %q: only the page itself may do that (allow another with --http-origin)", from)}
}

// preflight tells a browser what an allowed page may do; ours has let it pass.
func preflight(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") != "" {
		w.Header().Set("Access-Control-Allow-Methods", "GET, PUT, PATCH, POST, DELETE")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

// ParseOrigins checks origins and writes them as browsers do.
func ParseOrigins(given []string) ([]string, error) {
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

// ParseBase checks the path under which a proxy shows the server, and writes it
// with a slash at both ends.
func ParseBase(given string) (string, error) {
	base := strings.Trim(given, "/")
	if base == "" {
		return "/", nil
	}
	strange := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~/", r))
	}
	if strings.ContainsFunc(base, strange) || path.Clean("/"+base) != "/"+base {
		return "", fmt.Errorf("base path %q: not a plain path (write /robot/ or /fleet/robot-7/)", given)
	}
	return "/" + base + "/", nil
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
