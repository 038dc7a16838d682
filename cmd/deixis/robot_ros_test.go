package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"deixis/camera"
	"deixis/camera/opencv"
	bridge "deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/robot"
)

// A rosSide is a robot with ROS: a camera, its calibration, and who listens.
type rosSide struct {
	*bridgetest.Server
	stop func()
}

// newROSSide publishes the test pattern, 20 pictures a second, until the test ends.
func newROSSide(t *testing.T) *rosSide {
	t.Helper()
	ref, err := camera.Parse("pattern://128x96@20")
	if err != nil {
		t.Fatal(err)
	}
	s := &rosSide{Server: bridgetest.Start(t, bridgetest.Options{})}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		pattern, depth := camera.NewPattern(ref), depthPicture(t, 128, 96, 1500)
		var f camera.Frame
		for pattern.Next(ctx, &f) == nil {
			jpeg, err := opencv.EncodeJPEG(&f, 90)
			if err != nil {
				t.Error(err)
				return
			}
			s.Publish("/eye/image_raw/compressed", bridge.CompressedImage{
				Header: bridge.Header{Stamp: bridge.Time{Sec: int64(f.Seq), Nanosec: 7}, FrameID: "eye"}, Format: "jpeg", Data: jpeg,
			})
			s.Publish("/eye/depth/compressedDepth", bridge.CompressedImage{
				Header: bridge.Header{Stamp: bridge.Time{Sec: int64(f.Seq), Nanosec: 9}, FrameID: "eye"}, Format: "16UC1; compressedDepth png", Data: depth,
			})
			if f.Seq%10 == 0 {
				s.Publish("/eye/camera_info", map[string]any{
					"width": 128, "height": 96, "distortion_model": "plumb_bob", "d": []float64{0, 0, 0, 0, 0}, "k": []float64{100, 0, 63.5, 0, 100, 47.5, 0, 0, 1},
				})
			}
		}
	}()
	s.stop = func() { stop(); <-done }
	t.Cleanup(s.stop)
	return s
}

// depthPicture is what compressedDepth has of pixels that are all equally far away.
func depthPicture(t *testing.T, w, h int, mm uint16) []byte {
	t.Helper()
	pic := image.NewGray16(image.Rect(0, 0, w, h))
	for i := range w * h {
		binary.BigEndian.PutUint16(pic.Pix[2*i:], mm)
	}
	buf := bytes.NewBuffer(make([]byte, 12))
	if err := png.Encode(buf, pic); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// detected is what of a Detection2DArray is looked at.
type detected struct {
	Header     bridge.Header
	Detections []struct {
		Results []struct {
			Hypothesis struct {
				Class string `json:"class_id"`
				Score float64
			}
		}
		ID string
	}
}

// A camera of ROS is read, its lens is known, and what is found goes back with the
// stamps of its pictures.
func TestLiveOverROS(t *testing.T) {
	noDesktop(t)
	b := network(t)
	s := newROSSide(t)
	_, out, end := start(t, "ros://"+s.Addr()+"/eye/image_raw/compressed", "-p", "red square", "--headless", "--rosbridge", s.URL(), "--rosbridge-picture",
		"--depth", "ros://"+s.Addr()+"/eye/depth/compressedDepth", "--commands-from-anyone", "--name", "arm", "--follow", "--valid-for", "10s", "--lock-score", "0", "--lock-margin", "0", "--bundle", b.Dir)
	go func() {
		for out.Scan() {
		}
	}()
	on := func(topic, phrase string) (d detected) {
		s.Wait(topic, "a detection of "+phrase, func(raw json.RawMessage) bool {
			d = detected{}
			return json.Unmarshal(raw, &d) == nil && len(d.Detections) == 1 && d.Detections[0].Results[0].Hypothesis.Class == phrase
		})
		return d
	}
	d := on("/deixis/arm/detections", "red square")
	if d.Header.FrameID != "eye" || d.Header.Stamp.Nanosec != 7 || d.Header.Stamp.Sec < 1 || d.Detections[0].ID == "" || d.Detections[0].Results[0].Hypothesis.Score <= 0 {
		t.Errorf("%+v", d)
	}
	var v struct{ Vector struct{ X, Y, Z float64 } }
	s.Wait("/deixis/arm/bearing", "a bearing by CameraInfo", func(raw json.RawMessage) bool { return json.Unmarshal(raw, &v) == nil })
	if n := v.Vector.X*v.Vector.X + v.Vector.Y*v.Vector.Y + v.Vector.Z*v.Vector.Z; v.Vector.Z <= 0 || n < 0.999 || n > 1.001 {
		t.Errorf("%+v", v)
	}
	var at struct {
		Header bridge.Header
		Point  struct{ X, Y, Z float64 }
	}
	s.Wait("/deixis/arm/point", "a point", func(raw json.RawMessage) bool { return json.Unmarshal(raw, &at) == nil })
	if at.Header.FrameID != "eye" || at.Point.Z != 1.5 {
		t.Errorf("%+v", at)
	}
	var p bridge.CompressedImage
	s.Wait("/deixis/arm/picture/compressed", "a picture", func(raw json.RawMessage) bool { return json.Unmarshal(raw, &p) == nil })
	if info, err := camera.ReadHeader(p.Data); err != nil || info.Width != 128 || p.Header.FrameID != "eye" || p.Header.Stamp.Nanosec != 7 {
		t.Errorf("%+v, %+v, %v", p.Header, info, err)
	}
	s.Publish("/deixis/arm/phrase", map[string]string{"data": "the blue circle"})
	on("/deixis/arm/detections", "the blue circle")
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
	s.Wait("/diagnostics", "the last message", func(raw json.RawMessage) bool { return bytes.Contains(raw, []byte(`"level":3`)) })
}

// What the example's launch file starts is a command line that this program takes.
func TestLaunchFile(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on this machine")
	}
	for _, args := range [][]string{nil, {"image:=/eye/compressed", "depth:=/depth/compressedDepth", "phrase:=the dog; a cat", "name:=leg", "port:=9191", "frame_id:=eye"}} {
		cmd := exec.CommandContext(t.Context(), python, append([]string{"../../pipeline/robot/rosbridge/testdata/launched.py"}, args...)...)
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var started struct {
			Nodes     []string
			Processes [][]string
		}
		if err := json.Unmarshal(out, &started); err != nil || len(started.Processes) != 1 || len(started.Nodes) != 1 || started.Nodes[0] != "rosbridge_server/rosbridge_websocket" {
			t.Fatalf("%s, %v", out, err)
		}
		var c cli
		parser, err := kong.New(&c, defaults)
		if err != nil {
			t.Fatal(err)
		}
		line := started.Processes[0]
		if _, err := parser.Parse(line[1:]); err != nil || line[0] != "deixis" || c.Live.Robot.validate(c.Live.source()) != nil {
			t.Errorf("%q: %v", line, err)
		}
		if ref, err := camera.Parse(c.Live.source()); err != nil || !ref.ROS() || c.Live.Robot.ROS.URL == "" {
			t.Errorf("%q: %v", line, err)
		}
		if r := c.Live.Robot; args != nil && (r.Depth != "ros://127.0.0.1:9191/depth/compressedDepth" || r.Name != "leg" || r.ROS.FrameID != "eye" || c.Live.Phrase[0] != "the dog; a cat") {
			t.Errorf("%q: %+v", line, r)
		}
	}
}

// A rosbridge server that is killed and started again under load is found again each
// time; the line beside it keeps its rate.
func TestROSRestarts(t *testing.T) {
	noDesktop(t)
	b := network(t)
	s := bridgetest.Start(t, bridgetest.Options{})
	addr := s.Addr()
	args := []string{"pattern://160x120@20", "-p", "red square", "--headless", "--valid-for", "10s", "--lock-score", "0", "--lock-margin", "0", "--bundle", b.Dir, "--log-level", "error"}
	dir := t.TempDir()
	files := map[string]string{"with": filepath.Join(dir, "with.jsonl"), "without": filepath.Join(dir, "without.jsonl")}
	with := program(t, nil, append(args, "--rosbridge", s.URL(), "--rosbridge-picture", "--rosbridge-fragment", "2000", "--commands-from-anyone", "--name", "arm", "--events", files["with"])...)
	without := program(t, nil, append(args, "--events", files["without"])...)
	var seq uint64
	newer := func(raw json.RawMessage) bool {
		var is struct{ Data string }
		var m robot.Message
		if err := errors.Join(json.Unmarshal(raw, &is), json.Unmarshal([]byte(is.Data), &m)); err != nil || m.Seq <= seq {
			t.Errorf("after message %d: %s, %v", seq, raw, err)
		}
		seq = m.Seq
		return m.State == "locked"
	}
	for range *restarts + 1 {
		flooded := flood(s)
		s.Wait("/deixis/arm/target", "a lock", newer)
		s.Wait("/deixis/arm/picture/compressed", "a picture", func(json.RawMessage) bool { return true })
		flooded()
		s.Close()
		s = bridgetest.Start(t, bridgetest.Options{Addr: addr})
	}
	fps := rates(t, files, map[string]*exec.Cmd{"with": with, "without": without})
	t.Logf("%d restarts of the server under load; frames a second with it %.2f, without it %.2f, ratio %.3f", *restarts+1, fps["with"], fps["without"], fps["with"]/fps["without"])
	if fps["with"] < fps["without"]/2 {
		t.Errorf("the server holds up the line: %.1f frames a second, %.1f without it", fps["with"], fps["without"])
	}
}

// flood sends what a robot in operation does, and more, until it is ended.
func flood(s *bridgetest.Server) (end func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				s.Publish("/clock", map[string]any{"clock": map[string]int{"sec": n, "nanosec": 0}})
				s.Publish("/deixis/arm/command", map[string]string{"data": strings.Repeat("nonsense ", 100)})
			}
		}
	}()
	return func() { close(over); <-done }
}
