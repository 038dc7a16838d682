package service

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is a service manager's end of the socket.
type fake struct {
	t    *testing.T
	conn *net.UnixConn
}

func manager(t *testing.T) fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be longer than a socket's name can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name := filepath.Join(dir, "socket")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return fake{t, conn}
}

// next is the next message's lines; it waits for one.
func (f fake) next() []string {
	f.t.Helper()
	buf := make([]byte, 64<<10)
	n, err := f.conn.Read(buf)
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Split(string(buf[:n]), "\n")
}

func (f fake) want(lines ...string) {
	f.t.Helper()
	if got := f.next(); strings.Join(got, "\n") != strings.Join(lines, "\n") {
		f.t.Errorf("the manager reads %q, want %q", got, lines)
	}
}

func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func TestMessages(t *testing.T) {
	f := manager(t)
	m := Find(slog.New(slog.DiscardHandler))
	m.Ready("pattern://")
	f.want("READY=1", "STATUS=pattern://")
	m.Ready("two\nlines\r\nMAINPID=1")
	f.want("READY=1", "STATUS=two lines MAINPID=1")
	broken := errors.New("broken")
	if err := m.Reload(func() error {
		if lines := f.next(); lines[0] != "RELOADING=1" || !strings.HasPrefix(lines[1], "MONOTONIC_USEC=") {
			t.Errorf("while reloading the manager reads %q", lines)
		}
		return broken
	}); !errors.Is(err, broken) {
		t.Errorf("Reload = %v", err)
	}
	f.want("READY=1")
	m.Stopping()
	f.want("STOPPING=1")
}

func TestFind(t *testing.T) {
	var log bytes.Buffer
	t.Setenv("NOTIFY_SOCKET", "")
	m := Find(logTo(&log))
	if m != nil {
		t.Fatalf("a manager without a socket: %+v", m)
	}
	m.Ready("")
	m.Stopping()
	m.Watch(t.Context(), nil)
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	for name, tt := range map[string]struct {
		usec, pid string
		every     time.Duration
		says      string
	}{
		"no watchdog":       {"", "", lookEvery, ""},
		"watchdog":          {"60000000", strconv.Itoa(os.Getpid()), 15 * time.Second, ""},
		"anybody's":         {"60000000", "", 15 * time.Second, ""},
		"another's":         {"60000000", "1", lookEvery, ""},
		"nonsense":          {"soon", "", lookEvery, "no sign of life"},
		"less than no time": {"-1", "", lookEvery, "no sign of life"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("WATCHDOG_USEC", tt.usec)
			t.Setenv("WATCHDOG_PID", tt.pid)
			log.Reset()
			if m := Find(logTo(&log)); m.every != tt.every || !strings.Contains(log.String(), tt.says) || tt.says == "" && log.Len() > 0 {
				t.Errorf("looks every %v and logs %q, want %v and %q", m.every, log.String(), tt.every, tt.says)
			}
		})
	}
	log.Reset()
	Find(logTo(&log)).Stopping() // nobody listens there
	if !strings.Contains(log.String(), "is not told") {
		t.Errorf("a socket that is gone is logged as %q", log.String())
	}
}

func TestWatch(t *testing.T) {
	f := manager(t)
	var log bytes.Buffer
	m := Find(logTo(&log))
	ctx, stop := context.WithCancel(t.Context())
	ticks, looks, over := make(chan time.Time), make(chan Look), make(chan struct{})
	go func() {
		defer close(over)
		m.watch(ctx, ticks, func() Look { return <-looks })
	}()
	at := time.Unix(1000, 0)
	look := func(captured, shown uint64, away bool) {
		looks <- Look{At: at, Done: pipeline.Stats{Captured: captured, Shown: shown}, Source: "pattern://", Away: away}
	}
	tick := func(captured, shown uint64, away bool) {
		ticks <- at
		at = at.Add(10 * time.Second)
		look(captured, shown, away)
	}
	look(0, 0, false)
	tick(300, 300, false)
	f.want("WATCHDOG=1", "STATUS=pattern://, 30.0 frames a second; nothing is looked for")
	tick(300, 300, false)
	f.want("STATUS=no frame of pattern:// for 10s")
	tick(300, 300, true)
	f.want("WATCHDOG=1", "STATUS=waiting for pattern://")
	stop()
	<-over
	if n := strings.Count(log.String(), "does not move"); n != 1 {
		t.Errorf("the log tells %d times of a line that stands: %s", n, log.String())
	}
}

func TestJudge(t *testing.T) {
	cup := []string{"the cup"}
	at := func(l Look) Look {
		l.Source, l.At = "0", time.Unix(10, 0)
		return l
	}
	done := func(captured, shown, answered, unanswered uint64) pipeline.Stats {
		return pipeline.Stats{Captured: captured, Shown: shown, Answered: answered, Unanswered: unanswered}
	}
	for name, tt := range map[string]struct {
		before, now Look
		alive       bool
		says        string
	}{
		"frames":                 {Look{}, Look{Done: done(20, 10, 0, 0)}, true, "0, 2.0 frames a second; nothing"},
		"answers":                {Look{Phrases: cup}, Look{Phrases: cup, Done: done(20, 10, 5, 0)}, true, "2.0 frames and 0.5 answers a second; looks for the cup"},
		"a frame in all":         {Look{}, Look{Done: done(1, 1, 0, 0)}, true, "0.1 frames"},
		"no frame":               {Look{Done: done(20, 20, 0, 0)}, Look{Done: done(20, 20, 0, 0)}, false, "no frame of 0 for 10s"},
		"never a frame":          {Look{}, Look{}, false, "no frame of 0"},
		"away":                   {Look{}, Look{Away: true}, true, "waiting for 0"},
		"back a moment ago":      {Look{Away: true}, Look{}, true, "goes on"},
		"paused":                 {Look{Phrases: cup}, Look{Phrases: cup, Paused: true}, true, "paused; looks for the cup"},
		"goes on a moment ago":   {Look{Paused: true}, Look{}, true, "goes on"},
		"not shown":              {Look{Done: done(20, 20, 0, 0)}, Look{Done: done(40, 20, 0, 0)}, false, "no frame was shown"},
		"no answer":              {Look{Phrases: cup}, Look{Phrases: cup, Done: done(20, 10, 0, 0)}, false, "no answer for 10s"},
		"answers that fail":      {Look{Phrases: cup}, Look{Phrases: cup, Done: done(20, 10, 0, 3)}, true, "0.0 answers"},
		"asked a moment ago":     {Look{}, Look{Phrases: cup, Done: done(20, 10, 0, 0)}, true, "looks for the cup"},
		"asked nothing any more": {Look{Phrases: cup}, Look{Done: done(20, 10, 0, 0)}, true, "nothing is looked for"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Pulse{before: at(tt.before)}
			p.before.At = time.Unix(0, 0)
			alive, says := p.Judge(at(tt.now))
			if alive != tt.alive || !strings.Contains(says, tt.says) {
				t.Errorf("Judge = %v, %q; want %v, %q", alive, says, tt.alive, tt.says)
			}
		})
	}
}
