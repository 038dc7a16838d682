package guard

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/time/rate"
)

func TestBadOrigins(t *testing.T) {
	for _, o := range []string{"robot.example", "ftp://robot.example", "https://robot.example/page", "*", "https://a:b@robot.example"} {
		if _, err := ParseOrigins([]string{o}); err == nil || !strings.Contains(err.Error(), "https://robot.example:8443") {
			t.Errorf("%s: %v", o, err)
		}
	}
	if got, err := ParseOrigins([]string{"https://robot.example:8443/"}); err != nil || got[0] != "https://robot.example:8443" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBase(t *testing.T) {
	for given, want := range map[string]string{"": "/", "/": "/", "robot": "/robot/", "/fleet/robot-7/": "/fleet/robot-7/"} {
		if got, err := ParseBase(given); got != want || err != nil {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
	for _, given := range []string{"a;b", "a b", "a/../b", "..", "a//b", "a?b", "a%20b", "https://robot.example/"} {
		if got, err := ParseBase(given); err == nil || !strings.Contains(err.Error(), "/robot/") {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
}

// ends gives the code of a request from an address, once for each call.
func ends(g *Guard, method, path string, change func(*http.Request)) (int, string) {
	r := httptest.NewRequest(method, "http://localhost"+path, nil)
	r.RemoteAddr = "192.0.2.7:1"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// stop keeps allowances from growing back, however long a test takes.
func (g *Guard) stop() *allowance {
	a := g.rates.of(addressOf("192.0.2.7:1"))
	for _, l := range []*rate.Limiter{a.asks, a.writes, a.strange} {
		l.SetLimit(0)
	}
	return a
}

// TestAllowances: what is refused, preflights, and readiness without the token
// spend an allowance of their own; health spends none.
func TestAllowances(t *testing.T) {
	withToken := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	for name, tt := range map[string]struct {
		method, path string
		change       func(*http.Request)
		code         int
	}{
		"wrong token":  {"GET", "/x", nil, 401},
		"other origin": {"POST", "/x", func(r *http.Request) { withToken(r); r.Header.Set("Origin", "http://evil.example") }, 403},
		"other host":   {"POST", "/x", func(r *http.Request) { withToken(r); r.Host = "evil.example" }, 403},
		"preflight":    {"OPTIONS", "/x", nil, 204},
		"readiness":    {"GET", ready, nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			g := New(Options{Token: token})
			g.stop()
			for i := range strangeAtOnce + 5 {
				want := tt.code
				if i >= strangeAtOnce {
					want = 429
				}
				if code, body := ends(g, tt.method, tt.path, tt.change); code != want {
					t.Fatalf("request %d: %d %s, want %d", i, code, body, want)
				}
			}
			for i := range writesAtOnce {
				if code, body := ends(g, "POST", "/x", withToken); code != 200 {
					t.Fatalf("with the token, request %d: %d %s", i, code, body)
				}
			}
			for range asksAtOnce {
				if code, _ := ends(g, "GET", alive, nil); code != 200 {
					t.Fatalf("health: %d", code)
				}
			}
		})
	}
}

func TestTooFast(t *testing.T) {
	var reasons []string
	g := New(Options{Local: true, Refused: func(reason string) { reasons = append(reasons, reason) }})
	g.stop()
	codes := map[int]int{}
	for range writesAtOnce + 5 {
		code, body := ends(g, "POST", "/x", nil)
		if codes[code]++; code == 429 && !strings.Contains(body, "a second") {
			t.Errorf("refused without saying how: %s", body)
		}
	}
	if codes[200] != writesAtOnce || codes[429] != 5 || len(reasons) != 5 || reasons[0] != "rate" {
		t.Errorf("answers %v, refused for %q", codes, reasons)
	}
	for i := range asksAtOnce { // whoever changes too much still sees
		if code, _ := ends(g, "GET", "/x", nil); code != 200 {
			t.Errorf("reading is refused, too, the %d. time: %d", i, code)
		}
	}
	for i := range 3 * maxClients {
		g.rates.of(addressOf(fmt.Sprintf("10.0.%d.%d:1", i/250, i%250)))
	}
	if n := len(g.rates.clients); n > maxClients {
		t.Errorf("%d addresses are remembered", n)
	}
}

// FuzzCookie: whatever a token holds, a browser that brings it is logged in by
// its cookie, and no other cookie or header does that.
func FuzzCookie(f *testing.F) {
	f.Add(`semicolons; and "quotes"`, "deixis=x; deixis=", "bearer x")
	f.Add("Schlüssel für alle", `deixis="a`, "Bearer")
	f.Add("  spaces  ", "deixis", "")
	f.Add("plain-and-simple", "deixis=plain-and-simple", "Basic cGxhaW4=")
	f.Fuzz(func(t *testing.T, token, cookies, header string) {
		if token == "" {
			return
		}
		g := New(Options{Token: token})
		r := httptest.NewRequest("GET", "http://localhost/?token="+url.QueryEscape(token), nil)
		w := httptest.NewRecorder()
		g.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
		set := w.Result().Cookies()
		if w.Code != http.StatusSeeOther || len(set) != 1 {
			t.Fatalf("%q logs nobody in: %d %v", token, w.Code, w.Header())
		}
		back := &http.Request{Header: http.Header{"Cookie": {cookies + "; " + set[0].Name + "=" + set[0].Value}}, URL: &url.URL{}}
		if !g.trusts(back) {
			t.Errorf("%q: the cookie %v is not known", token, set[0])
		}
		strange := &http.Request{Header: http.Header{"Cookie": {cookies}, "Authorization": {header}}, URL: &url.URL{}}
		if g.trusts(strange) && !strings.Contains(cookies, set[0].Value) && !strings.Contains(header, strings.TrimSpace(token)) {
			t.Errorf("%q: cookie %q and header %q let in", token, cookies, header)
		}
	})
}
