package web

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"deixis/pipeline/web/guard"
)

// Limits of a page's microphone.
const (
	soundRate   = 2 * 16000     // bytes a second
	mostSound   = 64 << 10      // bytes of one message
	leastSound  = 32            // bytes that a message counts as at least
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
		guard.Refuse(w, http.StatusUpgradeRequired, "open a WebSocket here, and send sound")
		return
	}
	seat, err := s.o.Voice.Connect()
	if err != nil {
		guard.Refuse(w, http.StatusConflict, "%v", err)
		return
	}
	leave := sync.OnceFunc(seat.Leave)
	defer leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // guard has looked at the origin
	if err != nil {
		return // it has been answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(mostSound)
	defer s.count.watching("microphone")()
	if why := s.receive(r.Context(), conn, seat, leave); why != "" {
		s.o.Log.Debug("microphone ends", "from", r.RemoteAddr, "why", why)
	}
}

// receive hands sound on until it ends, gives the seat back, closes the
// connection and says why.
func (s *Server) receive(ctx context.Context, conn *websocket.Conn, seat Microphone, leave func()) (why string) {
	// The library closes a connection without a word when the context of a read
	// ends. So reads have one of their own, which outlasts ctx by a moment: who
	// speaks hears why it is over.
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	messages := make(chan message)
	var reader sync.WaitGroup
	reader.Go(func() { read(reading, conn, messages) })
	code, why := s.handOn(ctx, messages, seat)
	leave() // the next one does not wait until this one says goodbye
	late := time.AfterFunc(s.limits.farewell, stop)
	conn.Close(code, why)
	late.Stop()
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

// handOn gives the seat what comes, and says how that ended. Only a message with
// sound in it keeps the seat.
func (s *Server) handOn(ctx context.Context, messages <-chan message, seat Microphone) (websocket.StatusCode, string) {
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
		case !allowed.AllowN(time.Now(), max(len(m.raw), leastSound)):
			s.count.refused.WithLabelValues("rate").Inc()
			return websocket.StatusPolicyViolation, "sound comes faster than anybody speaks"
		case len(m.raw) == 0:
			continue
		}
		soon, stop := context.WithTimeout(ctx, s.limits.mute)
		err := seat.Put(soon, m.raw)
		stop()
		if err != nil {
			return websocket.StatusTryAgainLater, "nobody listens at the moment"
		}
		mute.Reset(s.limits.mute)
	}
}
