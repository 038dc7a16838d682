package web

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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

// TestRefusalsSpendNobodysAllowance: any page in the owner's browser may send what
// is refused, from the owner's own address.
func TestRefusalsSpendNobodysAllowance(t *testing.T) {
	s, _ := serve(t, nil)
	evil := map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
	for range 200 {
		if resp, _ := call(t, s, "POST", "api/pause", "", evil); resp.StatusCode != 403 && resp.StatusCode != 429 {
			t.Fatalf("the other page gets %d", resp.StatusCode)
		}
	}
	for range 25 {
		if resp, body := call(t, s, "POST", "api/resume", "", nil); resp.StatusCode != 200 {
			t.Fatalf("the owner gets %d %s", resp.StatusCode, body)
		}
	}
}

func TestOddTokens(t *testing.T) {
	for _, token := range []string{`semicolons; and "quotes"`, "Schlüssel für alle", `back\slash, comma`, "  spaces around  "} {
		s, _ := serve(t, func(o *Options) { o.Token = token })
		resp, _ := call(t, s, "GET", "?token="+url.QueryEscape(token), "", nil)
		cookies := resp.Cookies()
		if resp.StatusCode != 303 || len(cookies) != 1 || strings.Contains(resp.Header.Get("Set-Cookie"), token) {
			t.Fatalf("%q: %d %+v", token, resp.StatusCode, resp.Header)
		}
		if resp, _ := call(t, s, "GET", "", "", map[string]string{"Cookie": "other=1; deixis=x; " + cookies[0].Name + "=" + cookies[0].Value}); resp.StatusCode != 200 {
			t.Errorf("%q: with the cookie %d", token, resp.StatusCode)
		}
		for _, scheme := range []string{"bearer", "BEARER"} {
			if resp, _ := call(t, s, "GET", "", "", map[string]string{"Authorization": scheme + " " + token}); resp.StatusCode != 200 {
				t.Errorf("%s %q: %d", scheme, token, resp.StatusCode)
			}
		}
	}
}

func TestIPv4MeansIPv4(t *testing.T) {
	for addr, want := range map[string]string{"0.0.0.0:1": "tcp4", "127.0.0.1:1": "tcp4", "[::]:1": "tcp", ":1": "tcp", "localhost:1": "tcp"} {
		if got := networkOf(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	s, _ := serve(t, func(o *Options) { o.Token = "a long enough token" })
	if a := s.addr.String(); !strings.HasPrefix(a, "0.0.0.0:") {
		t.Errorf("0.0.0.0 means %s", a)
	}
}

func TestBehindAProxy(t *testing.T) {
	const token = "a long enough token"
	s, _ := serve(t, func(o *Options) { o.Token, o.Base = token, "robot/one" })
	for _, base := range []string{"", "robot/one/"} { // the proxy may take its part of the address away, or not
		resp, _ := call(t, s, "GET", base+"?token="+url.QueryEscape(token), "", nil)
		cookies := resp.Cookies()
		if resp.StatusCode != 303 || resp.Header.Get("Location") != "/robot/one/" || len(cookies) != 1 || cookies[0].Path != "/robot/one/" {
			t.Errorf("/%s leads to %d %+v", base, resp.StatusCode, resp.Header)
		}
		for _, path := range []string{"", "app.js", "api/status", "healthz"} {
			if resp, body := call(t, s, "GET", base+path, "", map[string]string{"Authorization": "Bearer " + token}); resp.StatusCode != 200 {
				t.Errorf("/%s: %d %s", base+path, resp.StatusCode, body)
			}
		}
	}
}

func TestEncrypted(t *testing.T) {
	cert := certificate(t)
	const token = "a long enough token"
	s, _ := serve(t, func(o *Options) { o.Cert, o.Token = cert, token })
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(request(t, s, "GET", "?token="+url.QueryEscape(token), "", nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if c := resp.Cookies(); resp.TLS == nil || len(c) != 1 || !c[0].Secure {
		t.Errorf("encrypted: %v, cookies %+v", resp.TLS != nil, c)
	}
	resp, body := raw(t, s, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if resp.StatusCode != 400 || !isError(body) || !strings.Contains(body, "https://") {
		t.Errorf("without encryption: %d %s", resp.StatusCode, body)
	}
}

// certificate is one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) *tls.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, public, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}

// TestEveryRouteIsGuarded: what is new in the API is refused to other pages and to those
// without the token, as all else is. Only health and readiness are not.
func TestEveryRouteIsGuarded(t *testing.T) {
	open, _ := serve(t, nil)
	closed, _ := serve(t, func(o *Options) { o.Token = "correct horse battery" })
	for pattern := range (&Server{}).routes() {
		method, path, _ := strings.Cut(pattern, " /")
		path = strings.Replace(path, "{phrase}", "x", 1)
		if resp, body := call(t, open, method, path, "", map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}); resp.StatusCode != 403 {
			t.Errorf("%s to another page: %d %s", pattern, resp.StatusCode, body)
		}
		free := path == "healthz" || path == "readyz"
		if resp, body := call(t, closed, method, path, "", nil); (resp.StatusCode != 401) != free {
			t.Errorf("%s without the token: %d %s", pattern, resp.StatusCode, body)
		}
	}
}
