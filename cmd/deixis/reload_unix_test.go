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

// A running program has a page and a file of settings.
type running struct {
	t          *testing.T
	addr, file string
	end        func() int
}

// runWith runs a program on a test pattern, with settings.
func runWith(t *testing.T, settings string) *running {
	t.Helper()
	noDesktop(t)
	b := network(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, addr: ln.Addr().String(), file: written(t, "c.yaml", settings)}
	ln.Close()
	_, _, r.end = start(t, "pattern://64x48@20", "--headless", "--http", r.addr, "--config", r.file, "--bundle", b.Dir)
	reachable(t, r.addr)
	return r
}

// stop ends it.
func (r *running) stop() {
	r.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	if code := r.end(); code != app.ExitOK {
		r.t.Errorf("code %d", code)
	}
}

func (r *running) ask(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// reload changes the file, has it read, and looks at the answer.
func (r *running) reload(settings string, code int, want string) {
	r.t.Helper()
	change(r.t, r.file, settings)
	if got, text := r.ask("POST", "/api/reload", ""); got != code || !strings.Contains(text, want) {
		r.t.Errorf("%q: %d %s, want %d and %s", settings, got, text, code, want)
	}
}

// looks says whether exactly these phrases are looked for.
func (r *running) looks(want ...string) bool {
	var got struct{ Phrases []string }
	if _, text := r.ask("GET", "/api/phrases", ""); json.Unmarshal([]byte(text), &got) != nil {
		r.t.Fatal(text)
	}
	return slices.Equal(got.Phrases, want)
}

// shown is how many frames an output has had, and whether it is there.
func (r *running) shown(output string) (n uint64, there bool) {
	var c web.Condition
	if _, text := r.ask("GET", "/api/health", ""); json.Unmarshal([]byte(text), &c) != nil {
		r.t.Fatal(text)
	}
	for _, o := range c.Outputs {
		if o.Name == output {
			return o.Shown, true
		}
	}
	return 0, false
}

// shows waits for frames of outputs.
func (r *running) shows(outputs ...string) {
	r.t.Helper()
	for _, o := range outputs {
		before, _ := r.shown(o)
		awaits(r.t, "frames for "+o, func() bool { n, there := r.shown(o); return there && n > before+5 })
	}
}

// TestReloadARunningProgram changes the file of a program that runs, by signal and over
// HTTP; a file that is wrong changes nothing and is told by its line.
func TestReloadARunningProgram(t *testing.T) {
	r := runWith(t, "live:\n  phrase: the red square\n")
	defer r.stop()
	awaits(t, "the first phrase", func() bool { return r.looks("the red square") })
	r.reload("live:\n  phrase: the green disc\n  size: 64x48\n", 200, `"changed":["phrase"],"restart":["size"]`)
	if !r.looks("the green disc") {
		t.Error("the phrase is the one before")
	}
	r.reload("live:\n  phrase: the blue circle\n  lock-scor: 1\n", 422, "line 3: live.lock-scor")
	if !r.looks("the green disc") {
		t.Error("a file that is wrong changed the phrase")
	}
	change(t, r.file, "live:\n  phrase: the blue circle\n")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	awaits(t, "the phrase after a signal", func() bool { return r.looks("the blue circle") })
	if code, text := r.ask("PATCH", "/api/settings", `{"values": {"lock-score": 0.75}, "save": true}`); code != 200 || !strings.Contains(text, `"changed":["lock-score"]`) {
		t.Errorf("%d %s", code, text)
	}
	if now, err := os.ReadFile(r.file); err != nil || !bytes.Contains(now, []byte("  lock-score: 0.75\n")) {
		t.Errorf("%s, %v", now, err)
	}
}

// TestReloadOutputs: a recording and events begin, move to other files and end while a
// camera runs, each file whole; one that cannot be written changes nothing.
func TestReloadOutputs(t *testing.T) {
	r := runWith(t, "live:\n  phrase: the red square\n")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	r.shows("page")
	if _, there := r.shown("recording"); there {
		t.Error("nothing is recorded, and the page tells of a recording")
	}
	r.reload("live:\n  phrase: the red square\n  record: "+in("a.mp4")+"\n  events: "+in("a.jsonl")+"\n", 200, `"changed":["events","record"],"restart":[]`)
	r.shows("recording", "events")
	r.reload("live:\n  phrase: a cup\n  record: "+in("b.mp4")+"\n  events: "+in("none/b.jsonl")+"\n", 422, "none")
	if _, err := os.Stat(in("b.mp4")); err == nil || !r.looks("the red square") {
		t.Error("half of a change was made")
	}
	r.shows("recording", "events")
	r.reload("live:\n  phrase: the red square\n  record: "+in("b.mp4")+"\n  events: "+in("a.jsonl")+"\n", 200, `"changed":["record"]`)
	r.shows("recording", "events")
	r.reload("live:\n  phrase: the red square\n", 200, `"changed":["events","record"]`)
	r.stop()
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

// TestReloadBeforeItRuns: a program that is told to reload while it starts goes on, and
// ends well.
func TestReloadBeforeItRuns(t *testing.T) {
	staySignals()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	rang := make(chan bool, 9)
	stop := onReload(func() { rang <- true })
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-rang:
	case <-time.After(time.Minute):
		t.Fatal("a signal does nothing")
	}
	stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
}
