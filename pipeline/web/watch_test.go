package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/pipeline"
)

func TestPage(t *testing.T) {
	s, _ := serve(t, nil)
	for path, kind := range map[string]string{"": "text/html", "style.css": "text/css", "app.js": "javascript", "correct.js": "javascript", "tap.js": "javascript", "icon.svg": "image/svg"} {
		resp, body := call(t, s, "GET", path, "", nil)
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Type"), kind) || body == "" {
			t.Errorf("/%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if resp.Header.Get("Content-Security-Policy") == "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("/%s lacks the headers that keep others out", path)
		}
	}
}

// brightness is the first pixel of a JPEG: 200 bare, 0 drawn on.
func brightness(t *testing.T, raw []byte) uint32 {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r, _, _, _ := m.At(0, 0).RGBA()
	return r >> 8
}

func TestSnapshotsAreMadeOnce(t *testing.T) {
	s, p := serve(t, nil)
	frames(t, s, 1)
	for range 5 {
		resp, body := call(t, s, "GET", "api/frame.jpeg", "", nil)
		if resp.Header.Get("X-Deixis-Seq") != "1" || brightness(t, []byte(body)) > 50 {
			t.Error("the picture is not the drawn one")
		}
	}
	if p.drawn != 1 {
		t.Errorf("drawn %d times for one frame", p.drawn)
	}
	if _, body := call(t, s, "GET", "api/frame.jpeg?overlay=false", "", nil); brightness(t, []byte(body)) < 150 {
		t.Error("the bare picture is drawn on")
	}
	frames(t, s, 1)
	if resp, _ := call(t, s, "GET", "api/frame.jpeg", "", nil); resp.Header.Get("X-Deixis-Seq") != "2" || p.drawn != 2 {
		t.Error("an old picture is served")
	}
}

func TestKeptPicturesAreBounded(t *testing.T) {
	var k kept
	for seq := range uint64(40) {
		k.add(seq, []byte{byte(seq)})
		k.add(seq, []byte{byte(seq)})
	}
	if _, old := k.get(40 - mostKept - 1); old || len(k.shots) != mostKept {
		t.Errorf("%d pictures are kept", len(k.shots))
	}
	if raw, ok := k.get(39); !ok || raw[0] != 39 {
		t.Error("the newest is not kept")
	}
}

func TestStream(t *testing.T) {
	s, _ := serve(t, nil)
	for query, bare := range map[string]bool{"": false, "?overlay=false": true} {
		resp, err := http.Get(s.at("api/stream.mjpeg" + query))
		if err != nil {
			t.Fatal(err)
		}
		read, shown := make(chan struct{}), make(chan struct{})
		go func() { // a reader that is busy misses frames, so they go on until it has enough
			defer close(shown)
			for {
				select {
				case <-read:
					return
				default:
					frames(t, s, 1)
				}
			}
		}()
		_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(resp.Body, params["boundary"])
		for range 4 {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			if got := brightness(t, body) > 100; got != bare {
				t.Errorf("stream%s: bare is %v", query, got)
			}
		}
		close(read)
		<-shown
		resp.Body.Close()
	}
}

// statuses reads Server-Sent Events.
func statuses(t *testing.T, s *Server, query string) (next func() Status, leave func()) {
	t.Helper()
	resp, err := http.Get(s.at("api/events" + query))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() (st Status) {
		t.Helper()
		for lines.Scan() {
			line, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			if err := json.Unmarshal([]byte(line), &st); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			return st
		}
		t.Fatalf("the events end: %v", lines.Err())
		return st
	}, func() { resp.Body.Close() }
}

func TestEvents(t *testing.T) {
	s, p := serve(t, nil)
	if err := p.ask([]string{"a cup"}); err != nil {
		t.Fatal(err)
	}
	next, leave := statuses(t, s, "?attention=true")
	defer leave()
	if st := next(); st.Camera != waiting || len(st.Targets) != 1 || st.Targets[0].State != "searching" {
		t.Errorf("the first status is %+v", st)
	}
	frames(t, s, 8)
	st := next()
	for st.Seq == 0 {
		st = next()
	}
	if st.Source != "0" || st.Camera != live || len(st.Targets) != 1 || st.Targets[0].State != "locked" || st.Targets[0].Color != "#4cd9ff" ||
		st.Targets[0].Box == nil || st.Targets[0].Heat == nil || st.Runs != "cpu" {
		t.Errorf("status is %+v", st)
	}
	p.mu.Lock()
	p.lost = true
	p.mu.Unlock()
	for st.Camera != lost { // told without any frame
		st = next()
	}
	if st.Targets[0].Box != nil || st.Targets[0].State != "lost" {
		t.Errorf("with the source lost there is a box: %+v", st.Targets[0])
	}
	if err := p.ask([]string{"a dog"}); err != nil {
		t.Fatal(err)
	}
	for st.Phrases[0] != "a dog" {
		st = next()
	}
	if len(st.Targets) != 1 || st.Targets[0].Phrase != "a dog" || st.Targets[0].State != "searching" || st.Targets[0].Box != nil {
		t.Errorf("an answer is shown under another phrase: %+v", st.Targets)
	}
}

func TestNoFramesForLong(t *testing.T) {
	s, _ := serve(t, nil)
	frames(t, s, 1)
	last := s.now.seen.Add(s.limits.lost)
	if got := s.camera(last); got != live {
		t.Errorf("at the end of the time that a frame may take it is %q", got)
	}
	if got := s.camera(last.Add(1)); got != lost {
		t.Errorf("after it it is %q", got)
	}
}

func TestTooManyWatchers(t *testing.T) {
	s, _ := serve(t, nil)
	for i := range maxWatchers + 1 {
		resp, err := http.Get(s.at("api/events"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if full := i == maxWatchers; full != (resp.StatusCode == http.StatusServiceUnavailable) {
			t.Errorf("watcher %d: %d", i+1, resp.StatusCode)
		}
	}
}

// watching is how many see the stream with boxes.
func (s *Server) watching() int {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return s.streams.watchers(true)
}

// slowWatcher serves a watcher of the stream that never reads.
func slowWatcher(t *testing.T, write time.Duration) *Server {
	t.Helper()
	s, _ := serve(t, func(o *Options) {
		o.Encode = func(*camera.Frame, int) ([]byte, error) { return make([]byte, 4<<20), nil }
	})
	s.limits.write = write
	c, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimSuffix(s.at(""), "/"), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	io.WriteString(c, "GET /api/stream.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
	until(t, "a watcher", func() bool { return s.watching() == 1 })
	return s
}

// TestSlowWatcherHoldsNobodyUp: it may block its write for an hour, and frames go
// on all the same.
func TestSlowWatcherHoldsNobodyUp(t *testing.T) {
	s := slowWatcher(t, time.Hour)
	next, leave := statuses(t, s, "")
	defer leave()
	frames(t, s, 50)
	for st := next(); st.Seq == 0; st = next() {
		frames(t, s, 1)
	}
	if n := s.watching(); n != 1 {
		t.Errorf("%d watch the stream, not the one that blocks", n)
	}
}

func TestSlowWatcherIsDropped(t *testing.T) {
	s := slowWatcher(t, time.Millisecond)
	until(t, "the end of a watcher that never reads", func() bool { frames(t, s, 1); return s.watching() == 0 })
	until(t, "the end of its request", func() bool {
		_, body := call(t, s, "GET", "metrics", "", nil)
		return strings.Contains(body, `deixis_http_watchers{what="stream"} 0`)
	})
	_, body := call(t, s, "GET", "metrics", "", nil)
	if line := `deixis_http_watchers_dropped_total{what="stream"} 1`; !strings.Contains(body, line) {
		t.Errorf("metrics lack %s", line)
	}
}

func TestMetrics(t *testing.T) {
	s, p := serve(t, nil)
	frames(t, s, 2)
	p.Timings().Add(pipeline.StageDraw, 3*time.Millisecond)
	_, body := call(t, s, "GET", "metrics", "", map[string]string{"Origin": ""})
	for _, line := range []string{
		`deixis_stage_duration_seconds_bucket{stage="draw",le="0.002"} 0`, `deixis_stage_duration_seconds_bucket{stage="draw",le="0.005"} 1`,
		`deixis_stage_duration_seconds_sum{stage="draw"} 0.003`, `deixis_source_up 1`, `go_goroutines`, `process_resident_memory_bytes`,
		`deixis_build_info{bundle="tiny",precision="fp32",provider="cpu",version="test"} 1`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s, p := serve(t, nil)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/")
	if _, err := Listen(addr, p.options()); err == nil || !strings.Contains(err.Error(), "--http") {
		t.Errorf("second Listen: %v", err)
	}
	unused, err := Listen("127.0.0.1:0", p.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
}

func TestHubNewestWins(t *testing.T) {
	var h hub[int]
	c, ok := h.join(1)
	if _, second := h.join(1); !ok || second || h.watchers() != 1 {
		t.Error("join does not count")
	}
	missed := 0
	for i := range 5 {
		missed += h.send(i)
	}
	if got := <-c; got != 4 || missed != 4 {
		t.Errorf("got %d after missing %d, want the newest", got, missed)
	}
	if h.leave(c); h.watchers() != 0 {
		t.Error("leave does not count")
	}
	h.send(1)
}

func TestOutputsAreTold(t *testing.T) {
	s, p := serve(t, nil)
	if _, body := call(t, s, "GET", "api/status", "", nil); !strings.Contains(body, `"outputs":[]`) {
		t.Errorf("without outputs the status is %s", body)
	}
	p.setOutputs(
		pipeline.OutputStats{Name: "recording", Shown: 7, Skipped: 2, Errors: 1, Err: "record \"a.mp4\": disk full\nfree some", Ended: true},
		pipeline.OutputStats{Name: "events", Shown: 9}, pipeline.OutputStats{Name: "events", Shown: 1, Skipped: 3},
	)
	want := `"outputs":[{"name":"recording","shown":7,"skipped":2,"errors":1,"err":"record \"a.mp4\": disk full free some","ended":true},` +
		`{"name":"events","shown":9,"skipped":0,"errors":0,"err":"","ended":false},{"name":"events","shown":1,"skipped":3,"errors":0,"err":"","ended":false}]`
	if _, body := call(t, s, "GET", "api/status", "", nil); !strings.Contains(body, want) {
		t.Errorf("status lacks %s:\n%s", want, body)
	}
	resp, body := call(t, s, "GET", "metrics", "", nil)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %d %s", resp.StatusCode, body)
	}
	for _, line := range []string{
		`deixis_output_frames_total{output="recording",result="shown"} 7`, `deixis_output_frames_total{output="recording",result="skipped"} 2`,
		`deixis_output_frames_total{output="recording",result="error"} 1`,
		`deixis_output_frames_total{output="events",result="shown"} 10`, `deixis_output_frames_total{output="events",result="skipped"} 3`,
		`deixis_output_frames_total{output="events",result="error"} 0`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

// TestPictureIsShownAtOnce: what a browser waits for comes with each picture, and a
// reader of parts gets the same pictures.
func TestPictureIsShownAtOnce(t *testing.T) {
	s, _ := serve(t, nil)
	resp, err := http.Get(s.at("api/stream.mjpeg?ahead=true"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	until(t, "a watcher", func() bool { return s.watching() == 1 })
	frames(t, s, 1)
	var got []byte
	next := []byte("\r\n--" + boundary + "\r\nContent-Type: image/jpeg\r\n\r\n")
	one := make([]byte, 1)
	for !bytes.HasSuffix(got, next) { // there is no second picture yet
		if _, err := io.ReadFull(resp.Body, one); err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, one...)
	}
	frames(t, s, 1)
	parts := multipart.NewReader(io.MultiReader(bytes.NewReader(got), resp.Body), boundary)
	for range 2 {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if jpeg, err := io.ReadAll(part); err != nil || brightness(t, jpeg) != 0 {
			t.Errorf("the picture is not the drawn one (%v)", err)
		}
	}
}
