package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked remembers phrases, and refuses "bad".
type asked struct {
	mu    sync.Mutex
	texts []string
}

func (a *asked) ask(texts []string) error {
	if len(texts) == 0 || slices.Contains(texts, "bad") {
		return errors.New("that phrase is bad")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.texts = texts
	return nil
}

func (a *asked) now() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.texts
}

// serve runs a server until the test ends; its JPEGs name the frame.
func serve(t *testing.T) (*Server, *asked) {
	t.Helper()
	a := &asked{}
	s, err := Listen("127.0.0.1:0", Options{
		Source: "0", Ask: a.ask, Phrases: a.now,
		Encode: func(f *camera.Frame, _ int) ([]byte, error) { return fmt.Appendf(nil, "jpeg %d", f.Seq), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s, a
}

// frames shows n frames, numbered from 1, 20 ms apart.
func frames(t *testing.T, s *Server, n int) {
	t.Helper()
	f := camera.Frame{Width: 2, Height: 1, Pix: make([]byte, 6), At: time.Now()}
	for f.Seq = 1; f.Seq <= uint64(n); f.Seq++ {
		views := []pipeline.View{{Phrase: "a cup", State: pipeline.Locked, Box: model.Box{X2: 1, Y2: 1}, Score: 0.9, Seq: f.Seq}}
		if err := s.Show(t.Context(), &f, views); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func get(t *testing.T, s *Server, path string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(s.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestPage(t *testing.T) {
	s, _ := serve(t)
	for path, kind := range map[string]string{"": "text/html", "style.css": "text/css", "app.js": "javascript", "icon.svg": "image/svg"} {
		resp, body := get(t, s, path)
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Type"), kind) || body == "" {
			t.Errorf("/%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if resp.Header.Get("Content-Security-Policy") == "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("/%s lacks the headers that keep others out", path)
		}
	}
	if resp, _ := get(t, s, "nothing"); resp.StatusCode != 404 {
		t.Errorf("/nothing: %d", resp.StatusCode)
	}
}

func TestBeforeTheFirstFrame(t *testing.T) {
	s, _ := serve(t)
	for _, path := range []string{"snapshot.jpg", "healthz"} {
		if resp, _ := get(t, s, path); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("/%s: %d, want 503", path, resp.StatusCode)
		}
	}
}

func TestSnapshotAndHealth(t *testing.T) {
	s, _ := serve(t)
	frames(t, s, 3)
	if resp, body := get(t, s, "snapshot.jpg"); resp.Header.Get("Content-Type") != "image/jpeg" || body != "jpeg 3" {
		t.Errorf("snapshot is %q", body)
	}
	resp, body := get(t, s, "healthz")
	if resp.StatusCode != 200 || !strings.HasPrefix(body, `{"ok":true,"seq":3,`) {
		t.Errorf("healthz is %d %s", resp.StatusCode, body)
	}
	s.mu.Lock()
	s.seen = time.Now().Add(-time.Minute)
	s.mu.Unlock()
	if resp, _ := get(t, s, "healthz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("healthz a minute later is %d", resp.StatusCode)
	}
}

func TestStream(t *testing.T) {
	s, _ := serve(t)
	resp, err := http.Get(s.URL() + "stream.mjpg")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	shown := make(chan struct{})
	go func() { defer close(shown); frames(t, s, 12) }()
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	last := ""
	for range 4 {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(body, []byte("jpeg ")) || string(body) == last {
			t.Errorf("part is %q after %q", body, last)
		}
		last = string(body)
	}
	<-shown
}

func TestEvents(t *testing.T) {
	s, a := serve(t)
	if err := a.ask([]string{"a cup"}); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(s.URL() + "events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	frames(t, s, 8)
	line, err := bufio.NewReader(resp.Body).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var got status
	if err := json.Unmarshal(bytes.TrimPrefix(line, []byte("data: ")), &got); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if got.Source != "0" || len(got.Targets) != 1 || got.Targets[0].State != "locked" || got.Targets[0].Color != "#4cd9ff" || got.Phrases[0] != "a cup" {
		t.Errorf("status is %+v", got)
	}
}

func TestTooManyWatchers(t *testing.T) {
	s, _ := serve(t)
	for i := range maxWatchers + 1 {
		resp, err := http.Get(s.URL() + "events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if full := i == maxWatchers; full != (resp.StatusCode == http.StatusServiceUnavailable) {
			t.Errorf("watcher %d: %d", i+1, resp.StatusCode)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s, _ := serve(t)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/")
	if _, err := Listen(addr, Options{}); err == nil || !strings.Contains(err.Error(), "--http") {
		t.Errorf("second Listen: %v", err)
	}
	unused, err := Listen("127.0.0.1:0", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
}

func TestHubNewestWins(t *testing.T) {
	var h hub[int]
	c, ok := h.join(1)
	if _, second := h.join(1); !ok || second || !h.watched() {
		t.Error("join does not count")
	}
	for i := range 5 {
		h.send(i)
	}
	if got := <-c; got != 4 {
		t.Errorf("got %d, want the newest", got)
	}
	if h.leave(c); h.watched() {
		t.Error("leave does not count")
	}
	h.send(1)
}
