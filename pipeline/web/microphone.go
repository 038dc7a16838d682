package web

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

// Limits of a page's microphone.
const (
	soundRate   = 2 * 16000     // bytes a second
	mostSound   = 64 << 10      // bytes of one message
	soundAtOnce = 3 * soundRate // bytes that may come at once, after a pause of the network
	tooFast     = 1.25          // times as fast as anybody speaks, for clocks that differ
)

// microphone takes the sound of a page's microphone over a WebSocket until the
// page leaves: samples in binary messages.
func (s *Server) microphone(w http.ResponseWriter, r *http.Request) {
	if !s.listens(w) {
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "open a WebSocket here, and send sound")
		return
	}
	s.guests.Add(1)
	defer s.guests.Done() // once it has left
	guest, err := s.o.Voice.Connect()
	if err != nil {
		refuse(w, http.StatusConflict, "%v", err)
		return
	}
	defer guest.Leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // guard has looked at the origin
	if err != nil {
		return // it has been answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(mostSound)
	defer s.count.watching("microphone")()
	if why := s.receive(r.Context(), conn, guest); why != "" {
		s.o.Log.Debug("microphone ends", "from", r.RemoteAddr, "why", why)
	}
}

// receive hands sound on until it ends, closes the connection and says why.
func (s *Server) receive(ctx context.Context, conn *websocket.Conn, guest Microphone) (why string) {
	// The library closes a connection without a word when the context of a read
	// ends. So reads have one of their own, which outlasts ctx by a moment: who
	// speaks hears why it is over.
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, stop) })()
	messages := make(chan message)
	var reader sync.WaitGroup
	reader.Go(func() { read(reading, conn, messages) })
	code, why := s.handOn(ctx, messages, guest)
	conn.Close(code, why)
	stop()
	reader.Wait()
	return why
}

// A message is one of a WebSocket, or why no more come.
type message struct {
	kind websocket.MessageType
	raw  []byte
	err  error
}

// read sends what comes until no more does, or ctx ends.
func read(ctx context.Context, conn *websocket.Conn, to chan<- message) {
	for {
		var m message
		m.kind, m.raw, m.err = conn.Read(ctx)
		select {
		case to <- m:
		case <-ctx.Done():
			return
		}
		if m.err != nil {
			return
		}
	}
}

// handOn gives the guest what comes, and says how that ended.
func (s *Server) handOn(ctx context.Context, messages <-chan message, guest Microphone) (websocket.StatusCode, string) {
	allowed := rate.NewLimiter(soundRate*tooFast, soundAtOnce)
	mute := time.NewTimer(s.limits.mute)
	defer mute.Stop()
	for {
		var m message
		select {
		case m = <-messages:
		case <-mute.C:
			return websocket.StatusPolicyViolation, "no sound came"
		case <-ctx.Done():
			return websocket.StatusGoingAway, "the program ends"
		}
		switch {
		case m.err != nil:
			return websocket.StatusNormalClosure, ""
		case m.kind != websocket.MessageBinary:
			return websocket.StatusUnsupportedData, "send sound in binary messages"
		case len(m.raw)%2 != 0:
			return websocket.StatusInvalidFramePayloadData, "send whole samples of 16 bits"
		case !allowed.AllowN(time.Now(), len(m.raw)):
			s.count.refused.WithLabelValues("rate").Inc()
			return websocket.StatusPolicyViolation, "sound comes faster than anybody speaks"
		}
		soon, stop := context.WithTimeout(ctx, s.limits.mute)
		err := guest.Put(soon, m.raw)
		stop()
		if err != nil {
			return websocket.StatusTryAgainLater, "nobody listens at the moment"
		}
		mute.Reset(s.limits.mute)
	}
}
