package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

// Limits of a page's microphone.
const (
	soundRate   = 2 * 16000       // bytes a second
	mostSound   = 64 << 10        // bytes of one message
	soundAtOnce = 3 * soundRate   // bytes that may come at once, after a pause of the network
	tooFast     = 1.25            // times as fast as anybody speaks, for clocks that differ
	muteFor     = 5 * time.Second // a microphone that sends nothing for so long is gone
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
	code, why := s.receive(r.Context(), conn, guest)
	if why != "" {
		s.o.Log.Debug("microphone ends", "from", r.RemoteAddr, "why", why)
	}
	conn.Close(code, why)
}

// receive hands sound on until it ends, and says how.
func (s *Server) receive(ctx context.Context, conn *websocket.Conn, guest Microphone) (websocket.StatusCode, string) {
	allowed := rate.NewLimiter(soundRate*tooFast, soundAtOnce)
	for {
		soon, stop := context.WithTimeout(ctx, muteFor)
		kind, raw, err := conn.Read(soon)
		stop()
		switch {
		case ctx.Err() != nil:
			return websocket.StatusGoingAway, "the program ends"
		case errors.Is(err, context.DeadlineExceeded):
			return websocket.StatusPolicyViolation, "no sound came"
		case err != nil:
			return websocket.StatusNormalClosure, ""
		case kind != websocket.MessageBinary:
			return websocket.StatusUnsupportedData, "send sound in binary messages"
		case len(raw)%2 != 0:
			return websocket.StatusInvalidFramePayloadData, "send whole samples of 16 bits"
		case !allowed.AllowN(time.Now(), len(raw)):
			s.count.refused.WithLabelValues("rate").Inc()
			return websocket.StatusPolicyViolation, "sound comes faster than anybody speaks"
		}
		soon, stop = context.WithTimeout(ctx, muteFor)
		err = guest.Put(soon, raw)
		stop()
		if err != nil {
			return websocket.StatusTryAgainLater, "nobody listens at the moment"
		}
	}
}
