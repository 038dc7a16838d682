package depth

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// flat is a PNG of one depth, millimetres.
func flat(w, h int, mm uint16) []byte {
	pic := image.NewGray16(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			pic.SetGray16(x, y, color.Gray16{Y: mm})
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, pic); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// compressed puts the header of compressedDepth before a PNG.
func compressed(pic []byte, a, b float32) []byte {
	head := make([]byte, 12)
	binary.LittleEndian.PutUint32(head[4:], math.Float32bits(a))
	binary.LittleEndian.PutUint32(head[8:], math.Float32bits(b))
	return append(head, pic...)
}

func TestDecode(t *testing.T) {
	var eight bytes.Buffer
	if err := png.Encode(&eight, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	// 32FC1: what is 2 m away is stored as a/2 + b.
	const a, b = 100_000, 7
	for name, tt := range map[string]struct {
		data   []byte
		format string
		want   uint16
		says   string
	}{
		"a PNG":             {flat(4, 3, 1234), "", 1234, ""},
		"a PNG of ROS":      {flat(4, 3, 1234), "16UC1; png compressed ", 1234, ""},
		"compressedDepth":   {compressed(flat(4, 3, 1234), 0, 0), "16UC1; compressedDepth png", 1234, ""},
		"32FC1":             {compressed(flat(4, 3, a/2+b), a, b), "32FC1; compressedDepth", 2000, ""},
		"32FC1, unknown":    {compressed(flat(4, 3, 0), a, b), "32FC1; compressedDepth", 0, ""},
		"32FC1, too far":    {compressed(flat(4, 3, b+1), a, b), "32FC1; compressedDepth", 0, ""},
		"of eight bits":     {eight.Bytes(), "", 0, "16 bits"},
		"rvl":               {append(make([]byte, 20), "no PNG"...), "16UC1; compressedDepth rvl", 0, "compressedDepth with png"},
		"nothing":           {nil, "", 0, "not a PNG"},
		"cut short":         {flat(4, 3, 1234)[:50], "", 0, "png"},
		"a header and less": {compressed(flat(4, 3, 1234)[:20], 0, 0), "16UC1; compressedDepth", 0, "EOF"},
		"too large":         {flat(200, 100, 1), "", 0, "--max-pixels"},
	} {
		p, err := decode(tt.data, tt.format, 10_000)
		if tt.says != "" {
			if p != nil || err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || p.Width != 4 || p.Height != 3 || p.MM[5] != tt.want {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestRange(t *testing.T) {
	p := &Picture{Width: 4, Height: 2, MM: []uint16{0, 1000, 2000, 3000, 0, 0, 2000, 4000}}
	for _, tt := range []struct {
		box  model.Box
		want robot.Range
		ok   bool
	}{
		{model.Box{X1: 0, Y1: 0, X2: 4, Y2: 2}, robot.Range{Median: 2, Spread: 1, Valid: 0.625}, true},
		{model.Box{X1: 1, Y1: 0, X2: 2, Y2: 1}, robot.Range{Median: 1, Spread: 0, Valid: 1}, true},
		{model.Box{X1: -9, Y1: -9, X2: 99, Y2: 99}, robot.Range{Median: 2, Spread: 1, Valid: 0.625}, true},
		{model.Box{X1: 0, Y1: 0, X2: 1, Y2: 2}, robot.Range{}, false}, // nothing is known there
		{model.Box{X1: 3, Y1: 1, X2: 3.2, Y2: 2}, robot.Range{}, false},
		{model.Box{X1: 9, Y1: 9, X2: 12, Y2: 12}, robot.Range{}, false},
	} {
		if got, ok := p.Range(tt.box); got != tt.want || ok != tt.ok {
			t.Errorf("%v: %+v, %v", tt.box, got, ok)
		}
	}
}

func open(t *testing.T, o Options) (*Meter, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	m, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return m, &log
}

// whole is a box over all of a picture.
var whole = model.Box{X2: 1e4, Y2: 1e4}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"a2.png": flat(4, 3, 200), "a10.png": flat(4, 3, 1000), "a11.png": flat(2, 2, 1), "a12.png": []byte("no picture"), "b.png": flat(4, 3, 700)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, log := open(t, Options{Source: dir})
	at := time.Unix(5, 0)
	for _, tt := range []struct {
		f    camera.Frame
		v    pipeline.View
		want float64 // metres; 0 for none
	}{
		{camera.Frame{Seq: 1, At: at}, pipeline.View{At: at, Seq: 9}, 0.2},
		{camera.Frame{Seq: 2, At: at}, pipeline.View{At: at}, 1},
		{camera.Frame{Seq: 3, At: at}, pipeline.View{At: at}, 0}, // of another size
		{camera.Frame{Seq: 4, At: at}, pipeline.View{At: at}, 0}, // broken
		{camera.Frame{Seq: 9, At: at}, pipeline.View{At: at}, 0}, // none there
		{camera.Frame{Seq: 9, At: at}, pipeline.View{At: at.Add(-1), Seq: 1}, 0.2},
		{camera.Frame{Seq: 1, At: at, File: "pictures/b.jpg"}, pipeline.View{At: at}, 0.7},
		{camera.Frame{Seq: 1, At: at, File: "clip.mp4"}, pipeline.View{At: at}, 0.2},
	} {
		m.Prepare(&tt.f, &tt.v)
		if got, ok := m.Range(whole, 4, 3); got.Median != tt.want || ok != (tt.want > 0) {
			t.Errorf("frame %d, answered %d: %+v, %v", tt.f.Seq, tt.v.Seq, got, ok)
		}
	}
	if !strings.Contains(log.String(), "registered") || !strings.Contains(log.String(), "not a PNG") {
		t.Errorf("told\n%s", log)
	}
	if err := m.Run(t.Context()); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{filepath.Join(dir, "gone"), "tcp://here", "ros://robot", "udp://x:1", "tcp://me:sesame@x:1"} {
		if _, err := Open(Options{Source: bad}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSizesAreToldOnce(t *testing.T) {
	m, log := open(t, Options{Source: "tcp://127.0.0.1:1"})
	m.put(shot{at: time.Unix(5, 0), data: flat(2, 2, 500)})
	for range 3 {
		m.Prepare(&camera.Frame{At: time.Unix(5, 0)}, &pipeline.View{})
		if _, ok := m.Range(whole, 4, 3); ok {
			t.Error("a depth picture of another size is used")
		}
	}
	if strings.Count(log.String(), "registered") != 1 {
		t.Errorf("told\n%s", log)
	}
	if r, ok := m.Range(whole, 2, 2); !ok || r.Median != 0.5 {
		t.Errorf("%+v, %v", r, ok)
	}
}

// until runs a meter until it has n shots.
func until(t *testing.T, m *Meter, n int) {
	t.Helper()
	for over := time.Now().Add(bridgetest.Patience); m.count() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("%d depth pictures came of %d", m.count(), n)
		}
	}
}

func TestStreamOfPNGs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, _ := open(t, Options{Source: "tcp://" + l.Addr().String()})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	for n := range 2 { // the second after the first connection broke within a picture
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(flat(4, 3, uint16(100*(n+1))))
		conn.Write(flat(4, 3, uint16(100*(n+1)+1)))
		conn.Write(flat(4, 3, 9)[:40])
		conn.Close()
		until(t, m, 2*(n+1))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	newest := m.shots[4%shotsKept]
	m.Prepare(&camera.Frame{At: newest.at}, &pipeline.View{At: newest.at})
	if r, ok := m.Range(whole, 4, 3); !ok || r.Median < 0.2 || r.Median > 0.201 {
		t.Errorf("%+v, %v", r, ok)
	}
	m.Prepare(&camera.Frame{At: newest.at}, &pipeline.View{At: newest.at.Add(time.Second)})
	if _, ok := m.Range(whole, 4, 3); ok {
		t.Error("a depth picture of another time is used")
	}
	for _, bad := range [][]byte{[]byte("no PNG at all"), append(append([]byte{}, pngHead...), 0xff, 0xff, 0xff, 0xff, 'I', 'D', 'A', 'T')} {
		if _, err := readPNG(bytes.NewReader(bad), 1<<20); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Depth of a topic goes with the picture that has its stamp, whenever it comes.
func TestTopicByStamp(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	base := time.Unix(1_700_000_000, 0)
	header := func(at time.Time) (rosbridge.Header, bool) { // 30 pictures a second, stamped an hour off
		return rosbridge.Header{Stamp: rosbridge.NewTime(at.Add(-time.Hour))}, true
	}
	m, _ := open(t, Options{Source: "ros://" + s.Addr() + "/depth/compressedDepth", Header: header})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	s.Subscribed("/depth/compressedDepth")
	const pictures = 5
	for n := range pictures {
		s.Publish("/depth/compressedDepth", rosbridge.CompressedImage{
			Header: rosbridge.Header{Stamp: rosbridge.NewTime(base.Add(time.Duration(n)*33*time.Millisecond - time.Hour))},
			Format: "16UC1; compressedDepth png", Data: compressed(flat(4, 3, uint16(1000+n)), 0, 0),
		})
		until(t, m, n+1)
	}
	s.Publish("/depth/compressedDepth", "no picture")
	for n := range pictures {
		at := base.Add(time.Duration(n)*33*time.Millisecond + 10*time.Millisecond) // cameras are not quite in step
		m.Prepare(&camera.Frame{At: at}, &pipeline.View{At: at})
		if r, ok := m.Range(whole, 4, 3); !ok || math.Round(1000*r.Median) != float64(1000+n) {
			t.Errorf("picture %d: %+v, %v", n, r, ok)
		}
	}
	late := base.Add(time.Second)
	m.Prepare(&camera.Frame{At: late}, &pipeline.View{At: late})
	if _, ok := m.Range(whole, 4, 3); ok {
		t.Error("a depth picture of another time is used")
	}
	s.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
