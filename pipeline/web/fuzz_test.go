package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"deixis/pipeline/line"
)

// FuzzBody sends bodies to each address that takes one: it answers with JSON and
// blames the client, and does nothing unless every field is there.
func FuzzBody(f *testing.F) {
	routes := []struct{ method, path, must string }{
		{"PUT", "/api/phrases", "phrases"}, {"POST", "/api/corrections", "box"}, {"PUT", "/api/mirror", "mirrored"}, {"POST", "/api/listen", "do"},
		{"POST", "/api/speech", ""}, {"POST", "/api/pause", ""}, {"PUT", "/api/phrases/a%20cup", ""},
	}
	for i, body := range []string{
		`{}`, `null`, `[]`, `{"phrases": ["a cup"]}`, `{"phrases": null}`, `{"phrase": "a cup", "seq": 3, "box": null}`, `{"phrase": "a cup", "seq": 3}`,
		`{"phrase": "a cup", "seq": 1e99, "box": [1, 2, 3, 4]}`, `{"mirrored": 1}`, `{"do": "begin", "Do": "end"}`, "{\"do\": \"\xff\"}", `{"phrases": []} {}`,
		`{"box": 1, "box": null}`, "RIFF\x00\x00\x00\x00WAVEfmt ", "",
	} {
		f.Add(uint8(i), "application/json", []byte(body))
		f.Add(uint8(i+3), "audio/wav; a=\"", []byte(body))
	}
	p := &program{Line: line.New(line.Config{})}
	p.voice.ask = p.ask
	o := p.options()
	o.Keep = func(Correction) error { return nil }
	o.Log = slog.New(slog.DiscardHandler)
	s, err := Listen("127.0.0.1:0", o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	var n atomic.Uint32
	f.Fuzz(func(t *testing.T, which uint8, kind string, body []byte) {
		route := routes[int(which)%len(routes)]
		r := httptest.NewRequest(route.method, "http://localhost"+route.path, bytes.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		from := n.Add(1) // each from another address: nobody asks too often
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", byte(from>>16), byte(from>>8), byte(from))
		w := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError || w.Code == http.StatusTooManyRequests || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var fields map[string]any
		if w.Code < 300 && route.must != "" {
			if err := json.Unmarshal(body, &fields); err != nil {
				t.Fatalf("%d for what is no JSON: %v", w.Code, err)
			}
			if _, there := fields[route.must]; !there {
				t.Fatalf("%d without %q", w.Code, route.must)
			}
		}
	})
}
