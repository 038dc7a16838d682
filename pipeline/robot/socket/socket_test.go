package socket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/pipeline/robot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what it knows must come.
const patience = time.Minute

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func parcel(text string) *robot.Parcel {
	return &robot.Parcel{Message: &robot.Message{}, JSON: []byte(text)}
}

func TestUDP(t *testing.T) {
	at, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	c := client(t, Options{Network: "udp", Addr: at.LocalAddr().String()})
	for _, text := range []string{`{"seq":1}`, `{"phrase":"` + strings.Repeat("ä", 2000) + `"}`} {
		if err := c.Send(t.Context(), &robot.Parcel{Events: []robot.Event{{}}}); err != nil { // has no place there
			t.Error(err)
		}
		if err := c.Send(t.Context(), parcel(text)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64<<10)
		at.SetReadDeadline(time.Now().Add(patience))
		n, _, err := at.ReadFrom(buf)
		if got := string(buf[:n]); err != nil || got != text+"\n" {
			t.Errorf("%.40q, %v", got, err)
		}
	}
}

func TestUDPWithoutAListener(t *testing.T) {
	at, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := at.LocalAddr().String()
	at.Close()
	c := client(t, Options{Network: "udp", Addr: addr})
	for over := time.Now().Add(patience); c.Send(t.Context(), parcel("{}")) == nil; { // the refusal comes back with a later line
		if time.Now().After(over) {
			t.Fatal("nobody listens, and that is no error")
		}
	}
}

// listen is a listener on this machine.
func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// accept waits for a connection.
func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestTCP(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	c := client(t, Options{Network: "tcp", Addr: l.Addr().String()})
	if err := c.Send(t.Context(), parcel(`{"seq":1}`)); err != nil {
		t.Fatal(err)
	}
	conn := accept(t, l)
	if err := c.Send(t.Context(), parcel(`{"seq":2}`)); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	for _, want := range []string{"{\"seq\":1}\n", "{\"seq\":2}\n"} {
		if got, err := lines.ReadString('\n'); got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	conn.Close()
	for over := time.Now().Add(patience); c.Send(t.Context(), parcel(`{"seq":3}`)) == nil; {
		if time.Now().After(over) {
			t.Fatal("a reader that is gone is not noticed")
		}
	}
	if err := c.Send(t.Context(), parcel(`{"seq":4}`)); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(accept(t, l)).ReadString('\n'); got != "{\"seq\":4}\n" {
		t.Errorf("on the next connection: %q, %v", got, err)
	}
	l.Close()
}

func TestTCPWithoutAListener(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	addr := l.Addr().String()
	l.Close()
	c := client(t, Options{Network: "tcp", Addr: addr})
	if err := c.Send(t.Context(), parcel("{}")); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
}

// A reader that takes nothing holds up Send only until its context ends.
func TestAReaderThatHangs(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	c := client(t, Options{Network: "tcp", Addr: l.Addr().String()})
	big := parcel(strings.Repeat("x", 1<<20))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for {
			if err := c.Send(ctx, big); err != nil {
				done <- err
				return
			}
		}
	}()
	accept(t, l)
	stop()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("Send does not end with its context")
	}
}

func TestOrders(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	got := make(chan robot.Order, 10)
	inbox := &robot.Inbox{Log: slog.New(slog.DiscardHandler), Do: func(_ context.Context, o robot.Order) error {
		got <- o
		if o.Command == robot.Other {
			return errors.New("nothing is shown")
		}
		return nil
	}}
	c := client(t, Options{Network: "tcp", Addr: l.Addr().String(), Inbox: inbox})
	if err := c.Send(t.Context(), parcel("{}")); err != nil {
		t.Fatal(err)
	}
	conn := accept(t, l)
	if _, err := io.WriteString(conn, "{\"phrase\":\"the box\"}\nnonsense\n{\"command\":\"dance\"}\n"+strings.Repeat("x", 3*robot.LongestOrder)+
		"\n{\"command\":\"other\"}\n{\"command\":\"confirm 3\"}\n"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []robot.Order{{Phrase: "the box"}, {Command: robot.Other}, {Command: robot.Confirm, Track: 3}} {
		select {
		case o := <-got:
			if o != want {
				t.Errorf("%+v, want %+v", o, want)
			}
		case <-time.After(patience):
			t.Fatalf("%+v never came", want)
		}
	}
	if n := inbox.Refused(); n != 4 {
		t.Errorf("%d refused", n)
	}
}

func TestOrdersAreNotTakenUnasked(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	c := client(t, Options{Network: "tcp", Addr: l.Addr().String()})
	if err := c.Send(t.Context(), parcel("{}")); err != nil {
		t.Fatal(err)
	}
	conn := accept(t, l)
	if _, err := io.WriteString(conn, "{\"command\":\"stop\"}\n"+strings.Repeat("x", 3*robot.LongestOrder)); err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).CloseWrite()
	c.readers.Wait() // all was read, and nobody was there to take it
}

func TestBadAddresses(t *testing.T) {
	for _, bad := range []string{"", "host", ":7421", "host:", "host:0", "a:b:c"} {
		if _, err := New(Options{Network: "udp", Addr: bad}); err == nil || !strings.Contains(err.Error(), "192.168.1.20:7421") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
