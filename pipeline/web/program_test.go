package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A program is what the server shows, in small: it remembers phrases, and
// refuses "bad".
type program struct {
	*line.Line // nothing runs unless a test says so
	gate       line.Gate
	mirror     line.Mirror

	mu      sync.Mutex
	lost    bool
	others  []pipeline.OutputStats // of outputs beside the line's own
	drawn   int
	kept    []Correction
	keepErr error
	voice   voice
	setup   setup
}

// A setup is settings that a test can look at: a number, and a size that holds from the
// next start on.
type setup struct {
	mu    sync.Mutex
	score float64
	saved map[string]any
}

func (s *setup) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	least, most := 0.0, 1.0
	return Settings{File: "c.yaml", Settings: []Setting{
		{Key: "lock-score", Help: "Least score of the best box for a lock, 0 to 1.", Kind: "number", Value: s.score, Default: 0.5, Choices: []string{}, Least: &least, Most: &most, Live: true},
		{Key: "lock-stale", Help: "How old an answer may grow.", Kind: "duration", Value: "2s", Default: "2s", Choices: []string{}, Live: true},
		{Key: "carry", Help: "Move boxes.", Kind: "boolean", Value: true, Default: true, Choices: []string{}},
		{Key: "listen", Help: "Be told by voice.", Kind: "text", Value: "off", Default: "off", Choices: []string{"off", "ptt"}},
		{Key: "size", Help: "Picture size to ask of a camera.", Kind: "text", Value: "", Default: "", Choices: []string{}},
	}}
}

func (s *setup) Change(values map[string]any, save bool) (Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := Change{Changed: []string{}, Restart: []string{}, Overruled: []string{}, Saved: save}
	if v, ok := values["lock-score"]; ok {
		score, is := v.(float64)
		if !is || score < 0 || score > 1 {
			return Change{}, fmt.Errorf("--lock-score: %v is not from 0 to 1", v)
		}
		s.score = score
		done.Changed = append(done.Changed, "lock-score")
	}
	if _, ok := values["size"]; ok {
		if !save {
			return Change{}, errors.New("size: it must be saved")
		}
		done.Restart = append(done.Restart, "size")
	}
	if save {
		s.saved = values
	}
	return done, nil
}

func (s *setup) Reload() (Change, error) {
	return Change{}, errors.New("c.yaml: line 3: live.lock-scor: no such key")
}

// Outputs are the line's, and those that a test makes up.
func (p *program) Outputs() []pipeline.OutputStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(p.Line.Outputs(), p.others...)
}

func (p *program) setOutputs(others ...pipeline.OutputStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.others = others
}

func (p *program) ask(texts []string) error {
	if slices.Contains(texts, "bad") || slices.Contains(texts, "") {
		return errors.New("that phrase is bad")
	}
	var ps []model.Phrase
	for _, t := range texts {
		ps = append(ps, model.Phrase{Text: t})
	}
	p.SetPhrases(ps)
	return nil
}

func (p *program) options() Options {
	return Options{
		Source: "0", Line: p, Ask: p.ask, Gate: &p.gate, Mirror: p.mirror.Set,
		Encode: encode, Command: func(command string, track int) error {
			if command != "hold" && track != 3 {
				return errors.New("nothing is shown")
			}
			return nil
		},
		Draw: func(f *camera.Frame, _ []pipeline.View) {
			p.drawn++
			clear(f.Pix)
		},
		Notes: func(phrase string) []string { return model.Phrase{Text: phrase}.Unserved() },
		Lost:  func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.lost },
		Keep:  func(c Correction) error { p.kept = append(p.kept, c); return p.keepErr },
		Voice: &p.voice, Setup: &p.setup,
		Temperatures: func() []Temperature { return []Temperature{{"cpu", 48.5}} },
		About: func() About {
			return About{Version: "test", Bundle: "tiny", Provider: Provider{Name: "cpu", Precision: "fp32", Not: []string{"cuda: not in this build"}}}
		},
	}
}

// encode makes a JPEG whose first pixel is the frame's.
func encode(f *camera.Frame, quality int) ([]byte, error) {
	m := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i := range f.Width * f.Height {
		m.Pix[4*i], m.Pix[4*i+1], m.Pix[4*i+2], m.Pix[4*i+3] = f.Pix[3*i+2], f.Pix[3*i+1], f.Pix[3*i], 255
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// never are the timeouts of tests: a machine that is busy loses nothing.
var never = timeouts{
	header: time.Hour, read: time.Hour, answer: time.Hour, idle: time.Hour, farewell: time.Hour, write: time.Hour, mute: time.Hour, lost: time.Hour,
}

// serve runs a server until the test ends.
func serve(t *testing.T, change func(*Options)) (*Server, *program) {
	t.Helper()
	p := &program{Line: line.New(line.Config{}), setup: setup{score: 0.5}}
	p.voice.ask = p.ask
	o := p.options()
	addr := "127.0.0.1:0"
	if change != nil {
		change(&o)
	}
	if o.Token != "" {
		addr = "0.0.0.0:0"
	}
	if o.limits == (timeouts{}) {
		o.limits = never
	}
	s, err := Listen(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s, p
}

// at is where a test reaches the server.
func (s *Server) at(path string) string {
	at := strings.Replace(s.URL(), "0.0.0.0", "127.0.0.1", 1)
	return strings.TrimSuffix(at, s.guard.Base()) + "/" + path
}

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

// frames shows n grey frames, numbered on.
func frames(t *testing.T, s *Server, n int) {
	t.Helper()
	f := camera.Frame{Seq: s.now.frame.Seq, Width: 16, Height: 8, Pix: bytes.Repeat([]byte{200}, 3*16*8)}
	for range n {
		f.Seq++
		f.At = time.Now()
		attention := []float32{0, 0.25, 0.25, 0.5}
		views := []pipeline.View{{
			Phrase: "a cup", State: pipeline.Locked, Box: model.Box{X1: 1, Y1: 1, X2: 9, Y2: 5}, Score: 0.9, Margin: 0.4, Seq: f.Seq,
			Attention: attention, Grid: 2,
		}}
		if err := s.Show(t.Context(), &f, views); err != nil {
			t.Error(err)
		}
	}
}

// call sends a request and reads its answer.
func call(t *testing.T, s *Server, method, path, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	req := request(t, s, method, path, body, header)
	resp, err := http.DefaultTransport.RoundTrip(req) // no redirects
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(read)
}

func request(t *testing.T, s *Server, method, path, body string, header map[string]string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.at(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		if v == "self" {
			v = strings.TrimSuffix(s.at(""), "/")
		}
		if req.Header.Set(k, v); k == "Host" {
			req.Host = v
		}
	}
	return req
}
