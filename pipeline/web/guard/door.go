package guard

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits of the door, connections at once.
const (
	maxConns   = 256 // of all
	maxEach    = 128 // of one address
	reserved   = 64  // of all, for this machine and for addresses that brought the token
	maxKnown   = 64  // addresses that brought the token, as many as are remembered
	maxLeaving = 64  // refused and still reading why; more are closed without a word
)

// What those hear who are turned away.
const (
	full = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\nConnection: close\r\n\r\n" +
		`{"error":"too many connections at once: try again in a moment"}` + "\n"
	silent = "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" +
		`{"error":"the connection asked nothing and others wait"}` + "\n"
)

// A door lets so many connections in and tells the others why not. When it is
// full, the oldest of those gives way that work for nobody who may come in: a
// newcomer always has time to say who it is, and who holds connections open
// without a word holds nobody out.
type door struct {
	farewell time.Duration
	refused  func(reason string)
	told     func(n int)

	mu      sync.Mutex
	inside  map[*wire]struct{}
	known   map[netip.Prefix]time.Time // addresses that brought the token, and when
	leaving sync.WaitGroup
	goodbye chan struct{} // holds one token for each that is leaving
}

func (d *door) open(o Options) {
	d.farewell, d.refused, d.told = o.Farewell, o.Refused, o.Inside
	d.inside, d.known, d.goodbye = map[*wire]struct{}{}, map[netip.Prefix]time.Time{}, make(chan struct{}, maxLeaving)
}

// Listener is ln behind the door; the server encrypts its connections as secure
// says, unless that is nil. It never blocks Accept.
func (g *Guard) Listener(ln net.Listener, secure *tls.Config) net.Listener {
	return &entrance{ln, &g.door, secure}
}

type entrance struct {
	net.Listener
	door   *door
	secure *tls.Config
}

// Accept returns the next connection that there is room for.
func (e *entrance) Accept() (net.Conn, error) {
	for {
		c, err := e.Listener.Accept()
		if err != nil {
			return nil, err
		}
		w := newWire(c, e.secure)
		if e.door.admit(w) {
			return w, nil
		}
		e.door.refused("connections")
		e.door.turnAway(w, full)
	}
}

// admit notes a connection, or says false where no one inside gives way.
func (d *door) admit(w *wire) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, knows := d.known[w.from]
	w.own, w.since = knows || w.from.Addr().IsLoopback(), time.Now()
	if !d.room(maxEach, func(o *wire) bool { return o.from == w.from }) ||
		!w.own && !d.room(maxConns-reserved, func(o *wire) bool { return !o.own }) ||
		!d.room(maxConns, func(*wire) bool { return true }) {
		return false
	}
	d.inside[w] = struct{}{}
	d.told(len(d.inside))
	return true
}

// room says whether fewer than most of a kind are inside, once one of them has
// given way where that must be. d.mu is held.
func (d *door) room(most int, kind func(*wire) bool) bool {
	n := 0
	var first *wire // to give way
	for o := range d.inside {
		if !kind(o) {
			continue
		}
		n++
		if !o.busy && (first == nil || o.goesBefore(first)) {
			first = o
		}
	}
	if n < most {
		return true
	}
	if first == nil {
		return false
	}
	delete(d.inside, first)
	d.refused("silent")
	d.turnAway(first, silent)
	return true
}

// state follows what the server does with a connection.
func (d *door) state(c net.Conn, s http.ConnState) {
	w, ok := c.(*wire)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch s {
	case http.StateClosed, http.StateHijacked:
		delete(d.inside, w)
		d.told(len(d.inside))
	case http.StateIdle:
		w.busy = false
		if w.proven {
			w.since = time.Now()
		}
	}
}

// Settle says that a request has come whole and may: its connection gives way to
// no other until it is answered. It is false where it has given way already.
func (g *Guard) Settle(r *http.Request) bool {
	w, ok := r.Context().Value(wireKey{}).(*wire)
	if !ok {
		return true // no connection of ours, as in a test of a handler
	}
	d := &g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, in := d.inside[w]; !in {
		return false
	}
	w.busy, w.proven = true, true
	if g.o.Token != "" {
		d.know(w.from)
		w.own = true
	}
	return true
}

// know remembers an address that brought the token. d.mu is held.
func (d *door) know(from netip.Prefix) {
	if _, there := d.known[from]; !there && len(d.known) >= maxKnown {
		var oldest netip.Prefix
		for a, when := range d.known {
			if !oldest.IsValid() || when.Before(d.known[oldest]) {
				oldest = a
			}
		}
		delete(d.known, oldest)
	}
	d.known[from] = time.Now()
}

// turnAway says why and closes, and never waits: the other side may have left no
// room to write. It is given a moment to read it, since closing at once would drop
// what was written, but not for many.
func (d *door) turnAway(w *wire, why string) {
	select {
	case d.goodbye <- struct{}{}:
	default:
		w.raw.Close()
		return
	}
	d.leaving.Go(func() {
		defer func() { <-d.goodbye }()
		defer w.raw.Close()
		w.raw.SetDeadline(time.Now().Add(d.farewell))
		if w.raw == w.Conn { // nobody could read this on an encrypted one
			if _, err := io.WriteString(w.raw, why); err != nil {
				return
			}
		}
		if half, ok := w.raw.(*net.TCPConn); ok && half.CloseWrite() == nil {
			io.CopyN(io.Discard, w.raw, 64<<10)
		}
	})
}
