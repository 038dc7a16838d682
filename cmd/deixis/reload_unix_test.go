//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/web"
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
	change(t, file, "live:\n  phrase: the green disc\n  size: 64x48\n")
	if code, text := ask("POST", "/api/reload", ""); code != 200 || !strings.Contains(text, `"changed":["phrase"],"restart":["size"]`) || !looks("the green disc") {
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

// TestReloadOutputs: a recording and events begin, move to other files and end while a
// camera runs, each file whole; one that cannot be written changes nothing.
func TestReloadOutputs(t *testing.T) {
	noDesktop(t)
	b := network(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	file := written(t, "c.yaml", "live:\n  phrase: the red square\n")
	_, _, end := start(t, "pattern://64x48@20", "--headless", "--http", addr, "--config", file, "--bundle", b.Dir)
	reachable(t, addr)
	reload := func(text string, code int, want string) {
		t.Helper()
		change(t, file, text)
		resp, err := http.Post("http://"+addr+"/api/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != code || !strings.Contains(string(said), want) {
			t.Errorf("%d %s, %v; want %d and %s", resp.StatusCode, said, err, code, want)
		}
	}
	shown := func(output string) (n uint64, there bool) {
		resp, err := http.Get("http://" + addr + "/api/health")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var c web.Condition
		if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
			t.Fatal(err)
		}
		for _, o := range c.Outputs {
			if o.Name == output {
				return o.Shown, true
			}
		}
		return 0, false
	}
	shows := func(outputs ...string) {
		t.Helper()
		for _, o := range outputs {
			before, _ := shown(o)
			awaits(t, "frames for "+o, func() bool { n, there := shown(o); return there && n > before+5 })
		}
	}
	shows("page")
	if _, there := shown("recording"); there {
		t.Error("nothing is recorded, and the page tells of a recording")
	}
	reload("live:\n  phrase: the red square\n  record: "+in("a.mp4")+"\n  events: "+in("a.jsonl")+"\n", 200, `"changed":["events","record"],"restart":[]`)
	shows("recording", "events")
	reload("live:\n  phrase: a cup\n  record: "+in("b.mp4")+"\n  events: "+in("none/b.jsonl")+"\n", 422, "none")
	if _, err := os.Stat(in("b.mp4")); err == nil {
		t.Error("half of a change was made")
	}
	shows("recording", "events")
	reload("live:\n  phrase: the red square\n  record: "+in("b.mp4")+"\n  events: "+in("a.jsonl")+"\n", 200, `"changed":["record"]`)
	shows("recording", "events")
	reload("live:\n  phrase: the red square\n", 200, `"changed":["events","record"]`)
	http.DefaultClient.CloseIdleConnections()
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
	for _, video := range []string{"a.mp4", "b.mp4"} {
		if n, _ := countFrames(t, in(video)); n < 5 {
			t.Errorf("%s has %d frames", video, n)
		}
	}
	lines, err := os.ReadFile(in("a.jsonl"))
	if err != nil || len(eventsOf(t, string(lines))) < 10 {
		t.Errorf("events: %d bytes, %v", len(lines), err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("%v lie in the folder", left)
	}
}
