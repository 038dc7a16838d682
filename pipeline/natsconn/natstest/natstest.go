// Package natstest runs a NATS server within a test.
package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// patience is how long a server may take to start, on a slow machine.
const patience = time.Minute

// Start starts a server that ends with the test. Host is this machine where none is
// named; Port 0 is NATS's own, and -1 takes a free one.
func Start(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	o.NoSigs, o.NoLog = true, true
	for over := time.Now().Add(patience); ; { // the port used before may be in use by somebody for a moment
		s, err := server.NewServer(o.Clone())
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if s.ReadyForConnections(patience / 6) {
			t.Cleanup(func() { Stop(s) })
			return s
		}
		Stop(s)
		t.Log("the server does not start, and is started anew")
		if time.Now().After(over) {
			t.Fatal("the server does not start")
		}
	}
}

// Stop ends a server, and waits until it is gone.
func Stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}
