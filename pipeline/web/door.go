package web

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of the door.
const (
	maxConns   = 256                    // connections at once
	silentFor  = time.Second            // a connection that asked nothing for so long gives way to a new one
	farewell   = 500 * time.Millisecond // how long one that is turned away may take to read why
	maxLeaving = 64                     // turned away and still reading why
)

// What those hear who are turned away.
const (
	full = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\nConnection: close\r\n\r\n" +
		`{"error":"too many connections at once: try again in a moment"}` + "\n"
	silent = "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" +
		`{"error":"the connection asked nothing and others wait"}` + "\n"
)

// A door is a listener that lets so many connections in and tells the others
// why not. It never blocks Accept: when it is full, one that has asked nothing
// gives way.
type door struct {
	net.Listener
	count *counters

	mu      sync.Mutex
	inside  map[net.Conn]visit
	leaving sync.WaitGroup
	goodbye chan struct{} // holds one token for each that is leaving
}

// A visit is a connection inside.
type visit struct {
	since time.Time // of this state
	quiet bool      // has no request under way
}

func newDoor(ln net.Listener, c *counters) *door {
	return &door{Listener: ln, count: c, inside: map[net.Conn]visit{}, goodbye: make(chan struct{}, maxLeaving)}
}

// Accept returns the next connection that there is room for.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if d.admit(c) {
			return c, nil
		}
		d.count.refused.WithLabelValues("connections").Inc()
		d.turnAway(c, full)
	}
}

// admit notes a connection, or says false where no one inside gives way.
func (d *door) admit(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if len(d.inside) >= maxConns {
		idle := d.longestQuiet(now)
		if idle == nil {
			return false
		}
		delete(d.inside, idle)
		d.count.refused.WithLabelValues("silent").Inc()
		d.turnAway(idle, silent)
	}
	d.inside[c] = visit{since: now, quiet: true}
	d.count.connections.Set(float64(len(d.inside)))
	return true
}

// longestQuiet is the connection that has been silent longest, if that is long.
func (d *door) longestQuiet(now time.Time) net.Conn {
	var found net.Conn
	oldest := now.Add(-silentFor)
	for c, v := range d.inside {
		if v.quiet && v.since.Before(oldest) {
			found, oldest = c, v.since
		}
	}
	return found
}

// state follows what the server does with a connection.
func (d *door) state(c net.Conn, s http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, in := d.inside[c]; !in {
		return
	}
	switch s {
	case http.StateClosed, http.StateHijacked:
		delete(d.inside, c)
		d.count.connections.Set(float64(len(d.inside)))
	case http.StateActive, http.StateIdle:
		d.inside[c] = visit{since: time.Now(), quiet: s == http.StateIdle}
	}
}

// turnAway says why and closes. It waits a moment for the other side to read
// it, since closing at once would drop what was written, but not for many.
func (d *door) turnAway(c net.Conn, why string) {
	c.SetDeadline(time.Now().Add(farewell))
	io.WriteString(c, why) // fits the socket's buffer
	select {
	case d.goodbye <- struct{}{}:
	default:
		c.Close()
		return
	}
	d.leaving.Go(func() {
		defer func() { <-d.goodbye }()
		defer c.Close()
		if half, ok := c.(*net.TCPConn); ok && half.CloseWrite() == nil {
			io.CopyN(io.Discard, c, 64<<10)
		}
	})
}

// wait waits for those who are leaving.
func (d *door) wait() { d.leaving.Wait() }
