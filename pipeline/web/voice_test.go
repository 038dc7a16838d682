package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"deixis/pipeline"
	"deixis/pipeline/line"
)

// A voice understands every recording and every loud second of a microphone as
// a wish for the green disc.
type voice struct {
	ask func(texts []string) error

	mu     sync.Mutex
	now    pipeline.Speech
	tally  pipeline.SpeechTally
	wav    []byte
	taken  bool
	sound  []byte                                // of microphones
	refuse error                                 // what a microphone gets
	hear   func(ctx context.Context, wav []byte) // called by Hear, unless nil
}

func (v *voice) Status() pipeline.Speech {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.now
	s.State, s.Mode = "listening", "always"
	s.Caption = s.Line(time.Now())
	return s
}

func (v *voice) Tally() pipeline.SpeechTally {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tally
}

func (v *voice) Press(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now.Talking = on
}

func (v *voice) Toggle() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now.Talking = !v.now.Talking
}

func (v *voice) Hear(ctx context.Context, wav []byte) (pipeline.Said, error) {
	v.mu.Lock()
	v.wav = wav
	v.mu.Unlock()
	if v.hear != nil {
		v.hear(ctx, wav)
	}
	switch len(wav) {
	case 44:
		return pipeline.Said{}, errors.New("that is no sound: there is no sound in it")
	case 46:
		return pipeline.Said{Why: "too noisy"}, nil
	}
	return v.understood(), nil
}

func (v *voice) understood() pipeline.Said {
	if err := v.ask([]string{"the green disc"}); err != nil {
		return pipeline.Said{Why: err.Error()}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tally.Phrases++
	var h pipeline.Histogram
	h.Add(100 * time.Millisecond)
	v.tally.Took = map[string]pipeline.Histogram{"recognise": h}
	said := pipeline.Said{N: int(v.tally.Phrases), Heard: "Show me the green disc.", Phrase: "the green disc"}
	v.now.Said, v.now.Since = &said, time.Now()
	return said
}

func (v *voice) Connect() (Microphone, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.taken {
		return nil, errors.New("somebody else speaks already")
	}
	v.taken = true
	return v, nil
}

// Put understands a wish once a second of sound is there that is not silent.
func (v *voice) Put(_ context.Context, raw []byte) error {
	v.mu.Lock()
	v.sound = append(v.sound, raw...)
	full := len(v.sound) >= soundRate && !bytes.Equal(v.sound, make([]byte, len(v.sound)))
	if full {
		v.sound = nil
	}
	err := v.refuse
	v.mu.Unlock()
	if full {
		v.understood()
	}
	return err
}

func (v *voice) Leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = false
}

// speak opens a microphone.
func speak(t *testing.T, s *Server, header http.Header) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	return websocket.Dial(t.Context(), strings.Replace(s.at("api/microphone"), "http", "ws", 1), &websocket.DialOptions{HTTPHeader: header})
}

func TestMicrophone(t *testing.T) {
	s, p := serve(t, nil)
	conn, _, err := speak(t, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if _, resp, err := speak(t, s, nil); err == nil || resp.StatusCode != http.StatusConflict {
		t.Errorf("a second microphone gets %v", err)
	}
	for range 40 {
		if err := conn.Write(t.Context(), websocket.MessageBinary, bytes.Repeat([]byte{1, 2}, 512)); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "a phrase", func() bool { return fmt.Sprint(p.Phrases()) == "[the green disc]" })
	if _, body := call(t, s, "GET", "metrics", "", nil); !strings.Contains(body, `deixis_http_watchers{what="microphone"} 1`) {
		t.Error("the microphone is not in the metrics")
	}
	conn.Close(websocket.StatusNormalClosure, "")
	until(t, "a free seat", func() bool { p.voice.mu.Lock(); defer p.voice.mu.Unlock(); return !p.voice.taken })
}

func TestMicrophoneThatIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		kind websocket.MessageType
		raw  []byte
		code websocket.StatusCode
	}{
		"text":      {websocket.MessageText, []byte("hello"), websocket.StatusUnsupportedData},
		"half":      {websocket.MessageBinary, []byte{1, 2, 3}, websocket.StatusInvalidFramePayloadData},
		"too large": {websocket.MessageBinary, make([]byte, mostSound+2), websocket.StatusMessageTooBig},
		"too fast":  {websocket.MessageBinary, make([]byte, mostSound), websocket.StatusPolicyViolation},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := serve(t, nil)
			conn, _, err := speak(t, s, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			var writer sync.WaitGroup
			writer.Go(func() {
				for conn.Write(t.Context(), tt.kind, tt.raw) == nil { // until it is closed
				}
			})
			if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != tt.code {
				t.Errorf("closed with %v, want %v", err, tt.code)
			}
			conn.CloseNow()
			writer.Wait()
			until(t, "a free seat", func() bool { p.voice.mu.Lock(); defer p.voice.mu.Unlock(); return !p.voice.taken })
		})
	}
	s, p := serve(t, func(o *Options) { o.Token = "a long enough token" })
	for name, header := range map[string]http.Header{
		"no token":   {},
		"a stranger": {"Authorization": {"Bearer a long enough token"}, "Origin": {"https://evil.example"}},
	} {
		if conn, _, err := speak(t, s, header); err == nil {
			conn.CloseNow()
			t.Errorf("%s may speak", name)
		}
	}
	p.voice.refuse = errors.New("gone")
	conn, _, err := speak(t, s, http.Header{"Authorization": {"Bearer a long enough token"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.Write(t.Context(), websocket.MessageBinary, []byte{0, 0})
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("with nobody to listen it is closed with %v", err)
	}
}

func TestMicrophoneThatSendsNothing(t *testing.T) {
	s, p := serve(t, nil)
	s.limits.mute = time.Millisecond
	conn, _, err := speak(t, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "no sound came") {
		t.Errorf("closed with %v", err)
	}
	until(t, "a free seat", func() bool { p.voice.mu.Lock(); defer p.voice.mu.Unlock(); return !p.voice.taken })
}

func TestMicrophoneEndsWithTheProgram(t *testing.T) {
	p := &program{Line: line.New(line.Config{})}
	p.voice.ask = p.ask
	s, err := Listen("127.0.0.1:0", p.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	conn, _, err := speak(t, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	stop()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway || !strings.Contains(err.Error(), "the program ends") {
		t.Errorf("closed with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if p.voice.taken {
		t.Error("the microphone outlasts the server")
	}
}
