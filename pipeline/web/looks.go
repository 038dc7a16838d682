package web

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A look is how a watcher of the stream wants its pictures.
type look struct {
	overlay bool
	quality int           // of the JPEG
	every   time.Duration // at least, from one picture to the next; 0 for each frame
}

// lookOf is what the query of the stream asks for, which is as described.
func lookOf(r *http.Request) look {
	l := look{overlay: choice(r, "overlay", true), quality: streamQuality}
	if q, err := strconv.Atoi(r.URL.Query().Get("quality")); err == nil {
		l.quality = q
	}
	if fps, err := strconv.ParseFloat(r.URL.Query().Get("fps"), 64); err == nil {
		l.every = time.Duration(float64(time.Second) / fps)
	}
	return l
}

// looks are those that somebody watches at the moment.
type looks struct {
	mu  sync.Mutex
	all map[look]*watched
}

// watched are the watchers of one look.
type watched struct {
	hub[[]byte]
	next time.Time // the earliest time of the next picture
}

// join adds a watcher, or says false where maxWatchers see as much, drawn on or bare.
func (l *looks) join(want look) (news chan []byte, leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watchers(want.overlay) >= maxWatchers {
		return nil, nil, false
	}
	w := l.all[want]
	if w == nil {
		if l.all == nil {
			l.all = map[look]*watched{}
		}
		w = &watched{}
		l.all[want] = w
	}
	news, ok = w.join(maxWatchers)
	return news, func() { l.leave(want, w, news) }, ok
}

func (l *looks) leave(want look, w *watched, news chan []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.leave(news); w.watchers() == 0 {
		delete(l.all, want)
	}
}

// watchers is how many see frames drawn on, or bare. l.mu is locked.
func (l *looks) watchers(overlay bool) (n int) {
	for want, w := range l.all {
		if want.overlay == overlay {
			n += w.watchers()
		}
	}
	return n
}

// due are the looks that get a picture now, which is taken as sent.
func (l *looks) due(now time.Time) map[look]*watched {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := map[look]*watched{}
	for want, w := range l.all {
		if now.Before(w.next) {
			continue
		}
		if w.next = w.next.Add(want.every); w.next.Before(now) { // the rate holds over several frames
			w.next = now.Add(want.every)
		}
		due[want] = w
	}
	return due
}

// count is how many watch.
func (l *looks) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watchers(true) + l.watchers(false)
}
