package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"deixis/pipeline/line"
)

func TestOriginAndHost(t *testing.T) {
	s, p := serve(t, func(o *Options) { o.Origins = []string{"https://robot.example:8443"} })
	for name, tt := range map[string]struct {
		method, path string
		header       map[string]string
		code         int
	}{
		"a program":               {"PUT", "api/phrases", nil, 200},
		"own origin":              {"PUT", "api/phrases", map[string]string{"Origin": "self", "Sec-Fetch-Site": "same-origin"}, 200},
		"allowed origin":          {"PUT", "api/phrases", map[string]string{"Origin": "https://robot.example:8443", "Sec-Fetch-Site": "cross-site"}, 200},
		"by an allowed name":      {"PUT", "api/phrases", map[string]string{"Host": "robot.example:8443"}, 200},
		"other origin":            {"PUT", "api/phrases", map[string]string{"Origin": "http://evil.example"}, 403},
		"other origin, reading":   {"GET", "api/phrases", map[string]string{"Origin": "http://evil.example"}, 403},
		"null origin":             {"PUT", "api/phrases", map[string]string{"Origin": "null"}, 403},
		"other port":              {"PUT", "api/phrases", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		"other site":              {"POST", "api/pause", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a picture on a page":     {"GET", "api/stream.mjpeg", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, 403},
		"a link to the page":      {"GET", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		"the page in a frame":     {"GET", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		"a name pointed here":     {"GET", "api/phrases", map[string]string{"Host": "evil.example"}, 403},
		"a name that begins so":   {"GET", "api/phrases", map[string]string{"Host": "127.0.0.1.evil.example:80"}, 403},
		"localhost":               {"GET", "api/phrases", map[string]string{"Host": "localhost:7420"}, 200},
		"IPv6":                    {"GET", "api/phrases", map[string]string{"Host": "[::1]:80"}, 200},
		"may I, allowed":          {"OPTIONS", "api/phrases", map[string]string{"Origin": "https://robot.example:8443"}, 204},
		"may I, from other sites": {"OPTIONS", "api/phrases", map[string]string{"Origin": "http://evil.example"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			if err := p.ask([]string{"before"}); err != nil {
				t.Fatal(err)
			}
			body := ""
			if tt.method == "PUT" {
				body = `{"phrases": ["after"]}`
			}
			resp, said := call(t, s, tt.method, tt.path, body, tt.header)
			if resp.StatusCode != tt.code {
				t.Errorf("%d %s, want %d", resp.StatusCode, said, tt.code)
			}
			if tt.code == 403 && (!strings.Contains(said, `{"error":"`) || p.Phrases()[0] != "before") {
				t.Errorf("refused with %q, phrases %q", said, p.Phrases())
			}
			if tt.code == 200 && tt.header["Origin"] == "https://robot.example:8443" && resp.Header.Get("Access-Control-Allow-Origin") != tt.header["Origin"] {
				t.Error("the allowed page may not read the answer")
			}
		})
	}
}

func TestBadOrigins(t *testing.T) {
	for _, o := range []string{"robot.example", "ftp://robot.example", "https://robot.example/page", "*", "https://a:b@robot.example"} {
		if _, err := parseOrigins([]string{o}); err == nil || !strings.Contains(err.Error(), "https://robot.example:8443") {
			t.Errorf("%s: %v", o, err)
		}
	}
}

func TestToken(t *testing.T) {
	if _, err := Listen("0.0.0.0:0", (&program{Line: line.New(line.Config{})}).options()); err == nil || !strings.Contains(err.Error(), "--http-token") {
		t.Errorf("open to everyone without a token: %v", err)
	}
	const token = "correct horse battery"
	s, _ := serve(t, func(o *Options) { o.Token = token })
	for name, tt := range map[string]struct {
		path   string
		header map[string]string
		code   int
	}{
		"none":                {"api/phrases", nil, 401},
		"none, for the page":  {"", nil, 401},
		"wrong":               {"api/phrases", map[string]string{"Authorization": "Bearer x"}, 401},
		"bearer":              {"api/phrases", map[string]string{"Authorization": "Bearer " + token}, 200},
		"in the address":      {"api/phrases?token=correct%20horse%20battery", nil, 200},
		"of the page":         {"?token=correct%20horse%20battery", nil, 303},
		"wrong, of the page":  {"?token=x", nil, 401},
		"metrics":             {"metrics", nil, 401},
		"health":              {"healthz", nil, 200},
		"readiness":           {"readyz", nil, 503},
		"a name pointed here": {"api/phrases", map[string]string{"Authorization": "Bearer " + token, "Host": "evil.example"}, 403},
		"an address":          {"api/phrases", map[string]string{"Authorization": "Bearer " + token, "Host": "192.168.1.7:7420"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := call(t, s, "GET", tt.path, "", tt.header)
			if resp.StatusCode != tt.code || strings.Contains(body, token) {
				t.Errorf("%d %s, want %d", resp.StatusCode, body, tt.code)
			}
			if tt.code == 401 && resp.Header.Get("WWW-Authenticate") == "" {
				t.Error("it does not say how to bring a token")
			}
		})
	}
	resp, _ := call(t, s, "GET", "?token=correct%20horse%20battery", "", nil)
	cookies := resp.Cookies()
	if resp.Header.Get("Location") != "/" || len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("the page's address keeps the token, or the cookie is open: %+v", resp.Header)
	}
	if resp, _ := call(t, s, "GET", "", "", map[string]string{"Cookie": cookies[0].Name + "=" + cookies[0].Value}); resp.StatusCode != 200 {
		t.Errorf("with the cookie: %d", resp.StatusCode)
	}
}

func TestTooFast(t *testing.T) {
	s, _ := serve(t, nil)
	s.rates.of("127.0.0.1").writes.SetLimit(0) // nothing comes back, however long this takes
	codes := map[int]int{}
	for range writesAtOnce + 5 {
		resp, body := call(t, s, "POST", "api/resume", "", nil)
		if codes[resp.StatusCode]++; resp.StatusCode == 429 && (resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "a second")) {
			t.Errorf("refused without saying how: %s", body)
		}
	}
	if codes[200] != writesAtOnce || codes[429] != 5 {
		t.Errorf("answers %v", codes)
	}
	if resp, _ := call(t, s, "GET", "api/phrases", "", nil); resp.StatusCode != 200 {
		t.Errorf("reading is refused, too: %d", resp.StatusCode)
	}
	for i := range 3 * maxClients {
		s.rates.of(strconv.Itoa(i))
	}
	if n := len(s.rates.clients); n > maxClients {
		t.Errorf("%d addresses are remembered", n)
	}
}

// TestThousandIdleConnections: those over the limit hear why, whoever asks
// something gets in all the same, and frames go on.
func TestThousandIdleConnections(t *testing.T) {
	s, _ := serve(t, nil)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.at(""), "http://"), "/")
	var told atomic.Int32
	var readers sync.WaitGroup
	defer readers.Wait()
	for range 1000 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() // ends its reader
		readers.Go(func() {
			if hearsWhy(c) {
				told.Add(1)
			}
			c.Close()
		})
	}
	until(t, "the word to each that is over the limit", func() bool { return told.Load() >= 1000-maxConns })
	frames(t, s, 3)
	s.door.mu.Lock()
	inside := len(s.door.inside)
	s.door.mu.Unlock()
	if inside > maxConns {
		t.Errorf("%d connections are inside", inside)
	}
	// Once those inside have been silent for a while, one of them gives way.
	until(t, "an answer to who asks something", func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /api/phrases HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false // turned away while it wrote
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// hearsWhy reads what the door says to a connection that is turned away: at once,
// or for its silence.
func hearsWhy(c net.Conn) bool {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode == 503 && strings.Contains(string(body), "too many connections") ||
		resp.StatusCode == 408 && strings.Contains(string(body), "others wait")
}
