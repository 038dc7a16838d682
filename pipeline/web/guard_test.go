package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestPhrase(t *testing.T) {
	s, a := serve(t)
	const jsonKind, formKind = "application/json", "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct {
		kind, body string
		header     map[string]string
		code       int
		asked      []string // nil: unchanged
	}{
		"json":              {jsonKind, `{"phrase": " the cup; the dog;; "}`, nil, 200, []string{"the cup", "the dog"}},
		"form":              {formKind, "phrase=a%20b", nil, 200, []string{"a b"}},
		"own origin":        {jsonKind, `{"phrase": "x"}`, map[string]string{"Origin": "self", "Sec-Fetch-Site": "same-origin"}, 200, []string{"x"}},
		"empty":             {jsonKind, `{"phrase": " ; "}`, nil, 422, nil},
		"refused":           {jsonKind, `{"phrase": "bad"}`, nil, 422, nil},
		"not json":          {jsonKind, `phrase`, nil, 400, nil},
		"no type":           {"", `{"phrase": "x"}`, nil, 400, nil},
		"plain text":        {"text/plain", `{"phrase": "x"}`, nil, 400, nil},
		"too long":          {jsonKind, `{"phrase": "` + strings.Repeat("x", 5000) + `"}`, nil, 413, nil},
		"too long a form":   {formKind, "phrase=" + strings.Repeat("x", 5000), nil, 413, nil},
		"other origin":      {jsonKind, `{"phrase": "x"}`, map[string]string{"Origin": "http://evil.example"}, 403, nil},
		"null origin":       {jsonKind, `{"phrase": "x"}`, map[string]string{"Origin": "null"}, 403, nil},
		"other port":        {jsonKind, `{"phrase": "x"}`, map[string]string{"Origin": "http://127.0.0.1:1"}, 403, nil},
		"other site":        {jsonKind, `{"phrase": "x"}`, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, nil},
		"name for this box": {jsonKind, `{"phrase": "x"}`, map[string]string{"Host": "evil.example"}, 403, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := a.ask([]string{"before"}); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"phrase", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", tt.kind)
			for k, v := range tt.header {
				if v == "self" {
					v = strings.TrimSuffix(s.URL(), "/")
				}
				if req.Header.Set(k, v); k == "Host" {
					req.Host = v
				}
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			want := tt.asked
			if want == nil {
				want = []string{"before"}
			}
			if resp.StatusCode != tt.code || !slices.Equal(a.now(), want) {
				t.Errorf("%d, asked %q; want %d, %q", resp.StatusCode, a.now(), tt.code, want)
			}
		})
	}
	if resp, _ := get(t, s, "phrase"); resp.StatusCode != 404 && resp.StatusCode != 405 {
		t.Errorf("GET /phrase: %d", resp.StatusCode)
	}
}

func TestPictureIsForThisMachineOnly(t *testing.T) {
	s, _ := serve(t)
	for host, code := range map[string]int{"localhost:7420": 503, "127.0.0.1": 503, "[::1]:80": 503, "evil.example": 403, "127.0.0.1.evil.example:80": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"snapshot.jpg", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != code {
			t.Errorf("Host %s: %d, want %d", host, resp.StatusCode, code)
		}
	}
}
