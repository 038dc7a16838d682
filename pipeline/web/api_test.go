package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"deixis/model"
)

// described reads openapi.yaml.
func described(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

func TestEveryRouteIsDescribed(t *testing.T) {
	doc, _ := described(t)
	var said, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			said = append(said, method+" "+path)
		}
	}
	for pattern := range (&Server{}).routes() {
		served = append(served, pattern)
	}
	slices.Sort(said)
	slices.Sort(served)
	if !slices.Equal(said, served) {
		t.Errorf("openapi.yaml says %q\nthe server has   %q", said, served)
	}
}

// TestAnswersAreAsDescribed sends requests, good and bad, and holds what comes
// back against openapi.yaml.
func TestAnswersAreAsDescribed(t *testing.T) {
	_, router := described(t)
	openapi3filter.RegisterBodyDecoder("image/jpeg", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("application/yaml", func(io.Reader, http.Header, *openapi3.SchemaRef, openapi3filter.EncodingFn) (any, error) {
		return map[string]any{}, nil
	})
	s, p := serve(t, nil)
	follow(t, s, p, router, []step{
		{"GET", "healthz", "", 200, `"ok":true`},
		{"GET", "readyz", "", 503, "waiting"},
		{"GET", "api/frame.jpeg", "", 503, "no picture yet"},
		{"GET", "api/status", "", 200, `"camera":"waiting"`},
		{"GET", "api/phrases", "", 200, `{"phrases":[]}`},
		{"PUT", "api/phrases", `{"phrases": ["a cup", "a dog"]}`, 200, `["a cup","a dog"]`},
		{"PUT", "api/phrases/the%20last%2Fone", "", 200, `["a cup","a dog","the last/one"]`},
		{"PUT", "api/phrases/the%20last%2Fone", "", 200, `["a cup","a dog","the last/one"]`},
		{"DELETE", "api/phrases/the%20last%2Fone", "", 200, `["a cup","a dog"]`},
		{"DELETE", "api/phrases/nobody", "", 404, "nobody"},
		{"PUT", "api/phrases", `{"phrases": ["bad"]}`, 422, "that phrase is bad"},
		{"PUT", "api/phrases/bad", "", 422, "that phrase is bad"},
		{"PUT", "api/phrases", `{"phrases": ["` + strings.Repeat("x", 3000) + `"]}`, 422, "2000"},
		{"PUT", "api/phrases", `{"phrases": ["` + strings.Repeat("x", 20000) + `"]}`, 413, "16384 bytes"},
		{"PUT", "api/phrases", `{"phrase": "x"}`, 422, "phrase"},
		{"PUT", "api/phrases", `{}`, 422, `property \"phrases\" is missing`},
		{"PUT", "api/phrases", `{"phrases": null}`, 422, "phrases"},
		{"PUT", "api/phrases", `{"phrases": [""]}`, 422, "phrases/0"},
		{"PUT", "api/phrases", "{\"phrases\": [\"\xff\"]}", 400, "UTF-8"},
		{"PUT", "api/phrases/%ff", "", 400, "UTF-8"},
		{"PUT", "api/phrases", `{"phrases": []} x`, 400, "like"},
		{"PUT", "api/phrases", `a cup`, 400, "like"},
		{"GET", "api/phrases", "", 200, `["a cup","a dog"]`},
		{"SHOW", "", "", 0, ""},
		{"GET", "readyz", "", 200, `"ready":true`},
		{"GET", "api/about", "", 200, `"correct":true`},
		{"GET", "api/status?attention=true", "", 200, `"values":"AH9//w=="`},
		{"GET", "api/status", "", 200, `"box":[1,1,9,5]`},
		{"GET", "api/status?attention=perhaps", "", 400, "attention=perhaps"},
		{"GET", "api/stream.mjpeg?quality=35", "", 400, "quality=35"},
		{"GET", "api/stream.mjpeg?quality=0", "", 400, "quality=0"},
		{"GET", "api/stream.mjpeg?fps=0", "", 400, "fps=0"},
		{"GET", "api/stream.mjpeg?fps=NaN", "", 400, "fps=NaN"},
		{"GET", "api/frame.jpeg", "", 200, ""},
		{"GET", "api/frame.jpeg?overlay=false&keep=true", "", 200, ""},
		{"GET", "api/frame.jpeg?overlay=maybe", "", 400, "overlay=maybe"},
		{"GET", "api/frame.jpeg?keep=true", "", 400, "overlay=false"},
		{"PUT", "api/mirror", `{"mirrored": true}`, 200, `"mirrored":true`},
		{"PUT", "api/mirror", `{}`, 422, `property \"mirrored\" is missing`},
		{"POST", "api/command", `{"command": "hold"}`, 200, `"command":"hold"`},
		{"POST", "api/command", `{"command": "confirm", "track": 3}`, 200, `"command":"confirm"`},
		{"POST", "api/command", `{"command": "other"}`, 409, "nothing is shown"},
		{"POST", "api/command", `{"command": "dance"}`, 422, "command"},
		{"POST", "api/command", `{"command": "confirm", "track": 0}`, 422, "track"},
		{"POST", "api/command", `{}`, 422, `property \"command\" is missing`},
		{"POST", "api/pause", "", 200, `"paused":true`},
		{"GET", "api/status", "", 200, `"camera":"paused"`},
		{"GET", "readyz", "", 200, `"camera":"paused"`},
		{"POST", "api/resume", "", 200, `"paused":false`},
		{"GET", "metrics", "", 200, "deixis_frames_captured_total 0"},
		{"GET", "api/openapi.yaml", "", 200, "openapi: 3"},
		{"LOSE", "", "", 0, ""},
		{"GET", "api/status", "", 200, `"state":"lost","box":null`},
		{"GET", "readyz", "", 503, `"camera":"lost"`},
		{"DELETE", "api/phrases", "", 200, `{"phrases":[]}`},
	})
}

func TestSettingsAreAsDescribed(t *testing.T) {
	_, router := described(t)
	s, p := serve(t, nil)
	follow(t, s, p, router, []step{
		{"GET", "api/settings", "", 200, `"key":"lock-score"`},
		{"PATCH", "api/settings", `{"values": {"lock-score": 0.6}}`, 200, `"changed":["lock-score"]`},
		{"PATCH", "api/settings", `{"values": {"lock-score": 0.7, "size": "640x480"}, "save": true}`, 200, `"restart":["size"]`},
		{"PATCH", "api/settings", `{"values": {"lock-score": 7}}`, 422, "not from 0 to 1"},
		{"PATCH", "api/settings", `{"values": {"size": "640x480"}}`, 422, "must be saved"},
		{"PATCH", "api/settings", `{"values": {}}`, 422, "values"},
		{"PATCH", "api/settings", `{"values": {"lock-score": [1]}}`, 422, "values"},
		{"PATCH", "api/settings", `{"lock-score": 0.6}`, 422, "like"},
		{"GET", "api/settings", "", 200, `"value":0.7`},
		{"POST", "api/reload", "", 422, "line 3"},
		{"GET", "api/health", "", 200, `"celsius":48.5`},
	})
	none, p := serve(t, func(o *Options) { o.Setup, o.Temperatures = nil, nil })
	follow(t, none, p, router, []step{
		{"GET", "api/settings", "", 200, `"settings":[]`},
		{"PATCH", "api/settings", `{"values": {"lock-score": 0.6}}`, 409, "this run"},
		{"POST", "api/reload", "", 409, "this run"},
		{"GET", "api/health", "", 200, `"temperatures":[]`},
	})
}

func TestCorrectionsAreAsDescribed(t *testing.T) {
	_, router := described(t)
	openapi3filter.RegisterBodyDecoder("image/jpeg", openapi3filter.FileBodyDecoder)
	s, p := serve(t, nil)
	follow(t, s, p, router, []step{
		{"SHOW", "", "", 0, ""},
		{"GET", "api/frame.jpeg?overlay=false&keep=true", "", 200, ""},
		{"POST", "api/corrections", `{"phrase": " the  cup ", "seq": 3, "box": [12, 6, 2, 1]}`, 201, "true"},
		{"POST", "api/corrections", `{"phrase": "a cat", "seq": 3, "box": null}`, 201, "true"},
		{"POST", "api/corrections", `{"phrase": "a cup", "seq": 99, "box": null}`, 410, "keep=true"},
		{"POST", "api/corrections", `{"phrase": " ", "seq": 3, "box": null}`, 422, "phrase"},
		{"POST", "api/corrections", `{"phrase": "a cup", "seq": 3, "box": [1, 2, 3]}`, 422, "box"},
		{"POST", "api/corrections", `{"phrase": "a cup", "seq": 3}`, 422, `property \"box\" is missing`},
		{"POST", "api/corrections", `{"phrase": "a cup", "box": null}`, 422, `property \"seq\" is missing`},
		{"POST", "api/corrections", `{"phrase": "a cup", "seq": 3, "box": [1, 2, 3, 1e99]}`, 422, "float32"},
		{"POST", "api/corrections", `{"phrase": "a cup", "seq": 3, "box": [1, 2, 3, 1e999]}`, 400, "1e999"},
		{"POST", "api/corrections", `{"phrase": "a cup", "seq": 3, "box": [900, 2, 950, 60]}`, 422, "no inside"},
	})
	want := []Correction{{Phrase: "the cup", Box: &model.Box{X1: 2, Y1: 1, X2: 12, Y2: 6}, Seq: 3}, {Phrase: "a cat", Seq: 3}}
	if len(p.kept) != 2 || p.kept[0].Phrase != "the cup" || *p.kept[0].Box != *want[0].Box || p.kept[1].Box != nil || len(p.kept[0].JPEG) == 0 {
		t.Errorf("kept %+v", p.kept)
	}
}

// A step is a request and what comes back.
type step struct {
	method, path, body string
	code               int
	says               string // in the answer
}

// follow takes step after step. SHOW shows frames, LOSE takes the camera away.
func follow(t *testing.T, s *Server, p *program, router routers.Router, steps []step) {
	for _, tt := range steps {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			switch tt.method {
			case "SHOW":
				frames(t, s, 3)
				return
			case "LOSE":
				p.setLost(true)
				return
			}
			var header map[string]string
			if tt.path == "api/speech" {
				header = map[string]string{"Content-Type": "audio/wav"}
			}
			resp, body := call(t, s, tt.method, tt.path, tt.body, header)
			if resp.StatusCode != tt.code || !strings.Contains(body, tt.says) {
				t.Errorf("%d %s, want %d and %q in it", resp.StatusCode, body, tt.code, tt.says)
			}
			asDescribed(t, router, request(t, s, tt.method, tt.path, tt.body, header), resp, body)
		})
	}
}

func TestSpeechIsAsDescribed(t *testing.T) {
	_, router := described(t)
	openapi3filter.RegisterBodyDecoder("audio/wav", openapi3filter.FileBodyDecoder)
	s, p := serve(t, nil)
	follow(t, s, p, router, []step{
		{"POST", "api/speech", "RIFF....WAVE" + strings.Repeat("x", 40), 200, "the green disc"},
		{"POST", "api/speech", "RIFF....WAVE" + strings.Repeat("x", 32), 422, "no sound in it"},
		{"POST", "api/speech", "RIFF....WAVE" + strings.Repeat("x", 34), 422, "not understood: too noisy"},
		{"POST", "api/speech", "RIFF....WAVE", 400, "no WAV"},
		{"POST", "api/speech", strings.Repeat("x", maxSpeech+1), 413, "half a minute"},
		{"POST", "api/listen", `{"do": "begin"}`, 200, `"held":true`},
		{"POST", "api/listen", `{"do": "toggle"}`, 200, `"held":false`},
		{"POST", "api/listen", `{"do": "toggle"}`, 200, `"held":true`},
		{"POST", "api/listen", `{"do": "end"}`, 200, `"held":false`},
		{"POST", "api/listen", `{"do": "shout"}`, 422, "begin"},
		{"POST", "api/listen", `{}`, 422, `property \"do\" is missing`},
		{"GET", "api/microphone", "", 426, "WebSocket"},
		{"GET", "api/status", "", 200, `"heard":"Show me the green disc."`},
		{"GET", "metrics", "", 200, `deixis_speech_utterances_total{outcome="phrase"} 1`},
		{"GET", "metrics", "", 200, `deixis_speech_duration_seconds_count{part="recognise"} 1`},
	})
	if said := p.Phrases(); len(said) != 1 || said[0] != "the green disc" {
		t.Errorf("what was said is not looked for, but %q", said)
	}
}

// asDescribed checks one answer, and its request where the server took it.
func asDescribed(t *testing.T, router routers.Router, req *http.Request, resp *http.Response, body string) {
	t.Helper()
	req.URL.Scheme, req.URL.Host = "", "" // the description has no host
	route, params, err := router.FindRoute(req)
	if err != nil {
		t.Fatal(err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if resp.StatusCode < 400 {
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("a request that is taken and not described: %v", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(strings.NewReader(body)), Options: in.Options,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("the answer is not as described: %v", err)
	}
}

func TestUnknownAddress(t *testing.T) {
	s, _ := serve(t, nil)
	for _, tt := range []struct {
		method, path string
		code         int
		says         string
	}{
		{"GET", "api/nothing", 404, "api/nothing"}, {"GET", "nothing", 404, "nothing"}, {"GET", "page/", 404, "page"}, {"GET", "api", 404, "api"},
		{"GET", "/api//phrases", 404, "api//phrases"}, {"GET", "api/../app.js", 404, ".."}, {"PUT", "api/phrases/", 404, "phrases"},
		{"POST", "api/phrases", 405, "GET or PUT or DELETE"}, {"PATCH", "api/phrases/x", 405, "PUT or DELETE"}, {"POST", "healthz", 405, "GET"},
	} {
		resp, body := call(t, s, tt.method, tt.path, "", nil)
		if resp.StatusCode != tt.code || !isError(body) || !strings.Contains(body, tt.says) || tt.code == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, resp.StatusCode, body)
		}
	}
	for _, head := range []string{"GET /api/phrases/%zz HTTP/1.1\r\nHost: localhost", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: localhost\r\na b: c", "nonsense"} {
		resp, body := raw(t, s, head+"\r\n\r\n")
		if resp.StatusCode != 400 || !isError(body) || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%q: %d %s", head, resp.StatusCode, body)
		}
	}
}

// isError says whether a body is one line of JSON with an error in it.
func isError(body string) bool {
	var said struct{ Error string }
	return json.Unmarshal([]byte(body), &said) == nil && said.Error != "" && strings.Count(body, "\n") == 1
}

// raw writes what may be no request, and reads the answer.
func raw(t *testing.T, s *Server, text string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, text)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

func TestWithoutExtras(t *testing.T) {
	s, _ := serve(t, func(o *Options) { o.Gate, o.Mirror, o.Command, o.Keep, o.Voice, o.About = nil, nil, nil, nil, nil, nil })
	for _, tt := range []struct{ path, body, says string }{
		{"api/pause", "", "paused"}, {"api/command", `{"command": "stop"}`, "commanded"}, {"api/corrections", `{"phrase": "a cup", "seq": 1, "box": null}`, "--corrections"},
		{"api/speech", "RIFF", "--listen"}, {"api/listen", `{"do": "begin"}`, "--listen"},
	} {
		var header map[string]string
		if tt.path == "api/speech" {
			header = map[string]string{"Content-Type": "audio/wav"}
		}
		if resp, body := call(t, s, "POST", tt.path, tt.body, header); resp.StatusCode != 409 || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s", tt.path, resp.StatusCode, body)
		}
	}
	if resp, body := call(t, s, "PUT", "api/mirror", `{"mirrored": true}`, nil); resp.StatusCode != 409 {
		t.Errorf("mirror: %d %s", resp.StatusCode, body)
	}
	if _, body := call(t, s, "GET", "api/about", "", nil); !strings.Contains(body, `"pause":false,"mirror":false,"correct":false,"speech":false,"microphone":false`) {
		t.Errorf("about: %s", body)
	}
}

func TestKeepFails(t *testing.T) {
	s, p := serve(t, nil)
	p.keepErr = fmt.Errorf("disk is full")
	frames(t, s, 1)
	call(t, s, "GET", "api/frame.jpeg?overlay=false&keep=true", "", nil)
	resp, body := call(t, s, "POST", "api/corrections", `{"phrase": "a cup", "seq": 1, "box": null}`, nil)
	if resp.StatusCode != 500 || !strings.Contains(body, "disk is full") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	p.keepErr = fmt.Errorf("%w: move it away", ErrFull)
	if resp, body := call(t, s, "POST", "api/corrections", `{"phrase": "a cup", "seq": 1, "box": null}`, nil); resp.StatusCode != 507 || !strings.Contains(body, "move it away") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
