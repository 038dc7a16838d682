package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"deixis/pipeline/web/guard"
)

const (
	keepAlive = 10 * time.Second // how often an idle connection is tried
	boundary  = "deixisframe"    // between two pictures of the stream
)

// choice is a query's yes or no, which is as described; unset where it is not
// there.
func choice(r *http.Request, name string, unset bool) bool {
	yes, err := strconv.ParseBool(r.URL.Query().Get(name))
	if err != nil {
		return unset
	}
	return yes
}

// watchStream sends JPEGs one after the other, the newest whenever the watcher is
// ready for one.
func (s *Server) watchStream(w http.ResponseWriter, r *http.Request) {
	write := parts
	if choice(r, "ahead", false) {
		write = partsAhead()
	}
	join := func() (chan []byte, func(), bool) { return s.streams.join(lookOf(r)) }
	s.watch(w, r, join, channel{what: "stream", kind: "multipart/x-mixed-replace; boundary=" + boundary}, write)
}

// parts writes a picture as a part of its known length.
func parts(w io.Writer, jpeg []byte) error {
	_, err := fmt.Fprintf(w, "--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", boundary, len(jpeg), jpeg)
	return err
}

// partsAhead writes pictures for browsers. Chromium shows a part when the headers of the
// next one have come: they are sent ahead, before their picture and so without its length,
// or every picture would be seen only when the next one comes.
func partsAhead() func(w io.Writer, jpeg []byte) error {
	const next = "--" + boundary + "\r\nContent-Type: image/jpeg\r\n\r\n"
	before := next
	return func(w io.Writer, jpeg []byte) error {
		_, err := fmt.Fprintf(w, "%s%s\r\n%s", before, jpeg, next)
		before = ""
		return err
	}
}

// follow sends statuses as Server-Sent Events.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	heat := choice(r, "attention", false)
	from := &s.events
	if heat {
		from = &s.heated
	}
	first, err := json.Marshal(s.statusAt(time.Now(), heat))
	if err != nil {
		guard.Refuse(w, http.StatusInternalServerError, "encode status: %v", err)
		return
	}
	join := func() (chan []byte, func(), bool) {
		news, ok := from.join(maxWatchers)
		return news, func() { from.leave(news) }, ok
	}
	s.watch(w, r, join, channel{"events", "text/event-stream", ": still here\n\n", first}, func(w io.Writer, line []byte) error {
		_, err := fmt.Fprintf(w, "data: %s\n\n", line)
		return err
	})
}

// A channel is what one kind of watcher gets.
type channel struct {
	what  string // in metrics and the log
	kind  string // of content
	idle  string // written when nothing comes for a while
	first []byte // sent at once, unless nil
}

// watch writes what comes until the watcher leaves, or blocks a write for too
// long. When nothing comes for a while it writes idle, so that a watcher who
// has left is noticed.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, join func() (news chan []byte, leave func(), ok bool), c channel, write func(io.Writer, []byte) error) {
	news, leave, ok := join()
	if !ok {
		s.count.refused.WithLabelValues("watchers").Inc()
		w.Header().Set("Retry-After", "5")
		guard.Refuse(w, http.StatusServiceUnavailable, "%d watch already and no more may", maxWatchers)
		return
	}
	defer leave()
	if c.first != nil {
		select {
		case news <- c.first: // newer ones take its place
		default: // one has done so already
		}
	}
	defer s.count.watching(c.what)()
	w.Header().Set("Content-Type", c.kind)
	err := s.pump(r.Context(), w, news, c.idle, write)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.count.dropped.WithLabelValues(c.what).Inc()
		s.o.Log.Warn("watcher dropped: it reads too slowly", "what", c.what, "from", r.RemoteAddr, "waited", s.limits.write)
	}
}

func (s *Server) pump(ctx context.Context, w http.ResponseWriter, news <-chan []byte, idle string, write func(io.Writer, []byte) error) error {
	out := http.NewResponseController(w)
	out.Flush()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		var err error
		select {
		case v := <-news:
			out.SetWriteDeadline(time.Now().Add(s.limits.write))
			err = write(w, v)
		case <-tick.C:
			out.SetWriteDeadline(time.Now().Add(s.limits.write))
			_, err = io.WriteString(w, idle)
		case <-ctx.Done():
			return ctx.Err()
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return err
		}
	}
}
