package natsconn

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"deixis/pipeline/natsconn/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server that lets one user in; port -1 takes a free one.
func serve(t *testing.T, port int) *server.Server {
	t.Helper()
	return natstest.Start(t, &server.Options{Port: port, Username: "me", Password: "right"})
}

// TestMended: a connection outlives its server, and the log says so.
func TestMended(t *testing.T) {
	s := serve(t, -1)
	r, w := io.Pipe()
	lines := make(chan string)
	go func() {
		defer close(lines)
		var line [4096]byte // a write is a line
		for {
			n, err := r.Read(line[:])
			if err != nil {
				return
			}
			lines <- string(line[:n])
		}
	}()
	o := Options{URL: strings.Replace(s.ClientURL(), "//", "//me:right@", 1), Log: slog.New(slog.NewTextHandler(w, nil))}
	nc, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	port := s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	if line := <-lines; !strings.Contains(line, "is away") || strings.Contains(line, "right") {
		t.Error(line)
	}
	serve(t, port)
	if line := <-lines; !strings.Contains(line, "is back") {
		t.Error(line)
	}
	if err := nc.Flush(); err != nil {
		t.Error(err)
	}
	nc.Close()
	w.Close()
	for line := range lines {
		t.Log(line)
	}
}

// TestRefused: why there is no connection is one line, without what is secret.
func TestRefused(t *testing.T) {
	s := serve(t, -1)
	with := func(user string) string { return strings.Replace(s.ClientURL(), "//", "//"+user+"@", 1) }
	for name, tt := range map[string]struct {
		o    Options
		says string
	}{
		"wrong password": {Options{URL: with("me:hunter2")}, "--nats-password"},
		"nobody there":   {Options{URL: "nats://me:hunter2@127.0.0.1:1"}, "is nats-server running"},
		"no address":     {Options{URL: "nats://me:hunter2@127.0.0.1:port"}, "no address"},
		"no credentials": {Options{URL: s.ClientURL(), Credentials: "gone.creds"}, "gone.creds"},
		"no certificate": {Options{URL: s.ClientURL(), CA: "gone.pem"}, "gone.pem"},
		"no key":         {Options{URL: s.ClientURL(), Cert: "gone.pem"}, "gone.pem"},
	} {
		nc, err := Connect(tt.o)
		if err == nil {
			nc.Close()
			t.Errorf("%s: it connects", name)
			continue
		}
		if said := err.Error(); !strings.Contains(said, tt.says) || strings.Contains(said, "hunter2") || strings.Contains(said, "\n") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
