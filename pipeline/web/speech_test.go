package web

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"deixis/pipeline/line"
)

// recording is a WAV file of n bytes whose sound begins with mark.
func recording(mark byte, n int) string {
	return "RIFF....WAVE" + strings.Repeat("x", 32) + string(mark) + strings.Repeat(".", n-45)
}

// send posts a recording until ctx ends; the channel gets the answer, or nil.
func send(ctx context.Context, t *testing.T, s *Server, body string) <-chan *http.Response {
	t.Helper()
	req := request(t, s, "POST", "api/speech", body, map[string]string{"Content-Type": "audio/wav"}).WithContext(ctx)
	answer := make(chan *http.Response, 1)
	go func() {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			answer <- nil
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		answer <- resp
	}()
	return answer
}

// TestRecordingsWaitTheirTurn: one is written down, one waits, and others are
// refused before their sound is here. One whose client has left is not written
// down.
func TestRecordingsWaitTheirTurn(t *testing.T) {
	s, p := serve(t, nil)
	heard, release := make(chan byte, 9), make(chan struct{})
	p.voice.hear = func(_ context.Context, wav []byte) {
		heard <- wav[44]
		<-release
	}
	first := send(t.Context(), t, s, recording('1', 100))
	if got := <-heard; got != '1' {
		t.Fatalf("%c is written down", got)
	}
	patience, leave := context.WithCancel(t.Context())
	second := send(patience, t, s, recording('2', 100))
	until(t, "a second waits", func() bool { return len(s.seats.inside) == 2 })
	for range 5 {
		if resp := <-send(t.Context(), t, s, recording('3', maxSpeech)); resp == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("a third gets %+v", resp)
		}
	}
	leave()
	if resp := <-second; resp != nil {
		t.Errorf("who left gets %d", resp.StatusCode)
	}
	until(t, "the place of who left is free", func() bool { return len(s.seats.inside) == 1 })
	fourth := send(t.Context(), t, s, recording('4', 100))
	until(t, "a fourth waits", func() bool { return len(s.seats.inside) == 2 })
	close(release)
	for name, answer := range map[string]<-chan *http.Response{"first": first, "fourth": fourth} {
		if resp := <-answer; resp == nil || resp.StatusCode != 200 {
			t.Errorf("the %s gets %+v", name, resp)
		}
	}
	if got := <-heard; got != '4' || len(heard) > 0 {
		t.Errorf("%c is written down, and %d more", got, len(heard))
	}
	if _, body := call(t, s, "GET", "metrics", "", nil); !strings.Contains(body, `deixis_http_refused_total{reason="speech"} 5`) {
		t.Error("the refusals are not in the metrics")
	}
}

// TestHandlersAreAwaited: what a handler uses may be closed once Serve has
// returned. The recogniser here ends late, after its connection.
func TestHandlersAreAwaited(t *testing.T) {
	p := &program{Line: line.New(line.Config{})}
	p.voice.ask = p.ask
	o := p.options()
	o.limits = never
	s, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	began, gone := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	p.voice.hear = func(ctx context.Context, _ []byte) {
		close(began)
		<-ctx.Done()
		<-gone
		ended.Store(true)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	answer := send(t.Context(), t, s, recording('1', 100))
	<-began
	stop()
	<-answer // the connection is closed
	close(gone)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !ended.Load() {
		t.Error("Serve has returned while a recording was written down")
	}
	if s.crew.enter() {
		t.Error("a request comes in after the end")
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestOnlySoundKeepsTheSeat: messages without sound in them do not.
func TestOnlySoundKeepsTheSeat(t *testing.T) {
	for name, tt := range map[string]struct {
		raw  []byte
		ends bool
	}{"sound": {[]byte{1, 2}, false}, "nothing": {nil, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{limits: defaultTimeouts, count: newCounters()}
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				messages := make(chan message)
				var client sync.WaitGroup
				client.Go(func() {
					for ctx.Err() == nil {
						time.Sleep(time.Second)
						select {
						case messages <- message{kind: websocket.MessageBinary, raw: tt.raw}:
						case <-ctx.Done():
						}
					}
				})
				began := time.Now()
				code, why := s.handOn(ctx, messages, &voice{})
				if ends := code == websocket.StatusPolicyViolation && why == "no sound came"; ends != tt.ends {
					t.Errorf("it ends with %v, %q", code, why)
				}
				if took := time.Since(began); tt.ends && took != s.limits.mute {
					t.Errorf("it ends after %v", took)
				}
				stop()
				client.Wait()
			})
		})
	}
}

// TestSeatIsFreeBeforeTheGoodbye: the client reads why it is over, and answers
// nothing; by then the seat is another's.
func TestSeatIsFreeBeforeTheGoodbye(t *testing.T) {
	s, p := serve(t, func(o *Options) {
		o.limits = never
		o.limits.mute = time.Millisecond
	})
	c, err := net.Dial("tcp", s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /api/microphone HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	from := bufio.NewReader(c)
	if resp, err := http.ReadResponse(from, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%+v, %v", resp, err)
	}
	frame := make([]byte, 4)
	if _, err := io.ReadFull(from, frame); err != nil {
		t.Fatal(err)
	}
	why := make([]byte, frame[1]-2)
	if _, err := io.ReadFull(from, why); err != nil || frame[0] != 0x88 || !bytes.Equal(why, []byte("no sound came")) {
		t.Errorf("frame %x %q, %v", frame, why, err)
	}
	p.voice.mu.Lock()
	defer p.voice.mu.Unlock()
	if p.voice.taken {
		t.Error("who says nothing any more still has the seat")
	}
}

// TestStopsUnderLoad: however many ask, watch and speak at that moment, the server
// ends, and with it every handler (no goroutine is left, see TestMain).
func TestStopsUnderLoad(t *testing.T) {
	for range 3 {
		p := &program{Line: line.New(line.Config{})}
		p.voice.ask = p.ask
		p.voice.hear = func(ctx context.Context, _ []byte) { <-ctx.Done() } // as long as it may
		o := p.options()
		o.Keep = func(Correction) error { return nil }
		o.limits = never
		s, err := Listen("127.0.0.1:0", o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx) }()
		frames(t, s, 1)
		var clients sync.WaitGroup
		var answered atomic.Int32
		for _, ask := range []struct{ method, path, body, kind string }{
			{"GET", "api/events", "", ""}, {"GET", "api/stream.mjpeg", "", ""}, {"GET", "api/frame.jpeg", "", ""}, {"PUT", "api/phrases", `{"phrases": ["a cup"]}`, ""},
			{"POST", "api/speech", recording('1', 100), "audio/wav"}, {"POST", "api/speech", recording('2', maxSpeech), "audio/wav"}, {"GET", "healthz", "", ""},
		} {
			for range 3 {
				clients.Go(func() {
					for { // until the server is gone
						req := request(t, s, ask.method, ask.path, ask.body, nil)
						if ask.kind != "" {
							req.Header.Set("Content-Type", ask.kind)
						}
						resp, err := http.DefaultTransport.RoundTrip(req)
						if err != nil && ctx.Err() != nil {
							return
						}
						if err == nil {
							answered.Add(1)
							io.Copy(io.Discard, resp.Body)
							resp.Body.Close()
						}
					}
				})
			}
		}
		until(t, "many answers", func() bool { return answered.Load() > 50 && len(s.seats.inside) == maxSpeakers })
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		clients.Wait()
		http.DefaultClient.CloseIdleConnections()
	}
}
