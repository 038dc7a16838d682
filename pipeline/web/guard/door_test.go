package guard

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hang bounds the wait for what must come, on a machine however busy.
const hang = time.Minute

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hang); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never %s", what)
		}
	}
}

// A server answers "ok" to who comes in, once its requests have come whole.
type server struct {
	*Guard
	addr string
	hold chan struct{} // /hold is answered once this is closed
}

// serve runs a server until the test ends.
func serve(t *testing.T, o Options) *server {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Guard: New(o), addr: ln.Addr().String(), hold: make(chan struct{})}
	h := &http.Server{Handler: s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.URL.Path != alive && !s.Settle(r) {
			return
		}
		if r.URL.Path == "/hold" {
			<-s.hold
		}
		fmt.Fprint(w, "ok")
	}))}
	s.Attach(h)
	done := make(chan error, 1)
	go func() { done <- h.Serve(s.Listener(ln, nil)) }()
	t.Cleanup(func() {
		h.Close()
		<-done
		s.Wait()
		until(t, "no connection is left", func() bool { return s.inside() == 0 })
	})
	return s
}

func (g *Guard) inside() int {
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	return len(g.door.inside)
}

// dial opens a connection, and writes text.
func (s *server) dial(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	io.WriteString(c, text)
	return c
}

// answer reads one answer.
func answer(c net.Conn) (code int, body string, err error) {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(read), err
}

const token = "a long enough token"

// ask is a request for a path with the token.
func ask(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

// TestStrangersHoldNobodyOut: they hold as many connections as there may be, by
// silence or by a header or body that never ends. All the same everyone else is
// answered at the first try, from the same address even.
func TestStrangersHoldNobodyOut(t *testing.T) {
	for name, text := range map[string]string{
		"silence":     "",
		"header":      "GET / HTTP/1.1\r\nHost: localhost\r\nX-a: ",
		"body":        "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 10000\r\n\r\n{",
		"body, wrong": "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n{",
		"health":      strings.Repeat("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 10),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Options{Token: token, Farewell: hang})
			for range 2 * maxEach {
				s.dial(t, text)
			}
			for range 20 {
				for path, text := range map[string]string{"/": ask("/"), alive: "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
					c := s.dial(t, text)
					if code, body, err := answer(c); code != 200 || err != nil {
						t.Fatalf("%s: %d %s, %v", path, code, body, err)
					}
					c.Close()
				}
			}
			if n := s.inside(); n > maxEach {
				t.Errorf("%d connections of one address are inside", n)
			}
		})
	}
}

// TestWhoIsAtWorkStays: a connection gives way to none while its request is
// answered, and newcomers hear so.
func TestWhoIsAtWorkStays(t *testing.T) {
	s := serve(t, Options{Token: token})
	var working []net.Conn
	for range maxEach {
		working = append(working, s.dial(t, ask("/hold")))
	}
	until(t, "all are at work", func() bool {
		s.door.mu.Lock()
		defer s.door.mu.Unlock()
		n := 0
		for w := range s.door.inside {
			if w.busy {
				n++
			}
		}
		return n == maxEach
	})
	if code, body, err := answer(s.dial(t, ask("/"))); code != 503 || err != nil || !strings.Contains(body, "too many connections") {
		t.Errorf("one more: %d %s, %v", code, body, err)
	}
	close(s.hold)
	for _, c := range working {
		if code, body, err := answer(c); code != 200 || err != nil {
			t.Errorf("at work: %d %s, %v", code, body, err)
		}
	}
}

// TestTheDoorNeverWaits for one that it turns away: there may be no room to write
// why, and nobody who reads it.
func TestTheDoorNeverWaits(t *testing.T) {
	g := New(Options{Token: token, Farewell: time.Hour})
	silent := make(chan struct{})
	for range 2 * maxEach {
		w := newWire(conn{from: "10.0.0.1:1", full: silent}, nil)
		if !g.door.admit(w) {
			t.Fatal("there is no room")
		}
	}
	close(silent) // as the end of the hour would
	g.Wait()
}

// TestRefusalEndsTheConnection, whether or not the client reads it, and whether
// or not the rest of its request comes.
func TestRefusalEndsTheConnection(t *testing.T) {
	for name, text := range map[string]string{
		"many requests":    strings.Repeat("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 100),
		"a body that ends": "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 3\r\n\r\nabc",
		"one that drips":   "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 10000\r\n\r\nabc",
		"a chunked one":    "POST / HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Options{Token: token, Farewell: time.Millisecond})
			s.dial(t, text)
			until(t, "a refusal", func() bool { return s.inside() == 0 })
		})
	}
}

// TestThousandIdleConnections: those over the limit hear why.
func TestThousandIdleConnections(t *testing.T) {
	var refused atomic.Int32
	s := serve(t, Options{Local: true, Farewell: hang, Refused: func(string) { refused.Add(1) }})
	var told atomic.Int32
	var readers sync.WaitGroup
	defer readers.Wait()
	for range 1000 {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() // ends its reader
		readers.Go(func() {
			if code, body, err := answer(c); err == nil && (code == 503 || code == 408) && strings.Contains(body, `"error"`) {
				told.Add(1)
			}
			c.Close()
		})
	}
	until(t, "the end of all that are over the limit", func() bool { return refused.Load() >= 1000-maxEach && s.inside() <= maxEach })
	until(t, "one that hears why", func() bool { return told.Load() > 0 })
}

// A conn is one from an address. It takes what is written, once full is closed
// where it is one.
type conn struct {
	net.Conn
	from string
	full chan struct{}
}

func (c conn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}
func (c conn) SetDeadline(time.Time) error { return nil }
func (c conn) Write(p []byte) (int, error) {
	if c.full != nil {
		<-c.full
	}
	return len(p), nil
}
func (c conn) Close() error { return nil }

// arrive lets a connection in, or not; at work it stays.
func (g *Guard) arrive(from string, works bool) bool {
	w := newWire(conn{from: from}, nil)
	in := g.door.admit(w)
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	w.busy = in && works
	return in
}

// TestReservedPlaces: strangers of any number of addresses leave places to this
// machine and to addresses that brought the token.
func TestReservedPlaces(t *testing.T) {
	g := New(Options{Token: token})
	g.door.know(addressOf("[2001:db8::1]:9"))
	for i := range maxConns {
		if in := g.arrive(fmt.Sprintf("10.0.%d.%d:1", i/100, i%100), true); in != (i < maxConns-reserved) {
			t.Fatalf("stranger %d is let in: %v", i, in)
		}
	}
	for i := range reserved {
		from := "127.0.0.1:1"
		if i%2 == 1 {
			from = fmt.Sprintf("[2001:db8::%d]:1", i)
		}
		if !g.arrive(from, true) {
			t.Fatalf("%s finds no place reserved", from)
		}
	}
	if g.arrive("127.0.0.2:1", true) {
		t.Error("more are let in than may be")
	}
	g.Wait()
}

// TestWhoGivesWay: strangers first, the oldest of them first, then whoever has
// been idle longest.
func TestWhoGivesWay(t *testing.T) {
	now := time.Now()
	old, young := &wire{since: now}, &wire{since: now.Add(1)}
	idle, idleYoung := &wire{since: now.Add(-1), proven: true}, &wire{since: now.Add(2), proven: true}
	order := []*wire{old, young, idle, idleYoung}
	for i, a := range order {
		for j, b := range order {
			if got := a.goesBefore(b); got != (i < j) {
				t.Errorf("%d before %d: %v", i, j, got)
			}
		}
	}
}

func TestAddressesRemembered(t *testing.T) {
	g := New(Options{Token: token})
	for i := range 3 * maxKnown {
		g.door.know(addressOf(fmt.Sprintf("10.0.0.%d:1", i)))
	}
	if len(g.door.known) != maxKnown {
		t.Errorf("%d addresses are remembered", len(g.door.known))
	}
	for from, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1/32", "[::1]:80": "::1/128", "[::ffff:10.0.0.1]:80": "10.0.0.1/32",
		"[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64",
	} {
		if got := addressOf(from).String(); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	if addressOf("nonsense").IsValid() {
		t.Error("nonsense is an address")
	}
}
