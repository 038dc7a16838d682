//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deixis/cmd/deixis/internal/app"
)

// TestReloadARunningProgram changes the file of a program that runs, by signal and over
// HTTP; a file that is wrong changes nothing and is told by its line.
func TestReloadARunningProgram(t *testing.T) {
	noDesktop(t)
	b := network(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	file := written(t, "c.yaml", "live:\n  phrase: the red square\n")
	_, _, end := start(t, "pattern://64x48@20", "--headless", "--http", addr, "--config", file, "--bundle", b.Dir)
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		if code := end(); code != app.ExitOK {
			t.Errorf("code %d", code)
		}
	}()
	reachable(t, addr)
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	looks := func(want ...string) bool {
		_, text := ask("GET", "/api/phrases", "")
		var got struct{ Phrases []string }
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		return slices.Equal(got.Phrases, want)
	}
	awaits(t, "the first phrase", func() bool { return looks("the red square") })
	change(t, file, "live:\n  phrase: the green disc\n  record: a.mp4\n")
	if code, text := ask("POST", "/api/reload", ""); code != 200 || !strings.Contains(text, `"changed":["phrase"],"restart":["record"]`) || !looks("the green disc") {
		t.Errorf("%d %s", code, text)
	}
	change(t, file, "live:\n  phrase: the blue circle\n  lock-scor: 1\n")
	if code, text := ask("POST", "/api/reload", ""); code != 422 || !strings.Contains(text, "line 3: live.lock-scor") || !looks("the green disc") {
		t.Errorf("%d %s", code, text)
	}
	change(t, file, "live:\n  phrase: the blue circle\n")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	awaits(t, "the phrase after a signal", func() bool { return looks("the blue circle") })
	if code, text := ask("PATCH", "/api/settings", `{"values": {"lock-score": 0.75}, "save": true}`); code != 200 || !strings.Contains(text, `"changed":["lock-score"]`) {
		t.Errorf("%d %s", code, text)
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Contains(now, []byte("  lock-score: 0.75\n")) {
		t.Errorf("%s, %v", now, err)
	}
	if code, text := ask("GET", "/api/health", ""); code != 200 || !strings.Contains(text, `"name":"page"`) {
		t.Errorf("%d %s", code, text)
	}
}

// awaits waits for what comes.
func awaits(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 1200 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("never %s", what)
}
