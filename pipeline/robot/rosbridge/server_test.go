package rosbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	bridge "deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/lens"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]string{
		"ws://robot": "ws://robot:9090", "wss://robot:9091/bridge": "wss://robot:9091/bridge",
		"http://robot": "", "ws://": "", "ws://me:secret@robot": "", "robot:9090": "",
	} {
		if got, err := Parse(address); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	if _, err := New(Options{Server: bridge.Options{URL: "x"}}); err == nil {
		t.Error("no address is taken")
	}
	for name, want := range map[string]string{"arm": "arm", "": "n", "7": "n7", "_a": "n_a", "host.local": "host_local", "ä": "n_"} {
		if got := Token(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// A server that is killed and started again under load is found again each time.
func TestServerRestarts(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	addr := s.Addr()
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}})
	p := robot.NewPublisher(robot.PublisherConfig{Config: robot.Config{Name: "arm", Boot: "B", ValidFor: time.Minute}, Outs: []robot.Out{{Name: "rosbridge", To: c}}, Log: quiet})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	shown := make(chan int)
	go func() { // 200 pictures a second
		f := camera.Frame{Width: 640, Height: 480}
		p.Ask([]model.Phrase{{Text: "the blue box"}})
		for ctx.Err() == nil {
			f.Seq++
			f.At = time.Now()
			p.Show(ctx, &f, []pipeline.View{{Phrase: "the blue box", State: pipeline.Locked, Box: model.Box{X1: 1, Y1: 1, X2: 9, Y2: 9}, Track: 1, Seq: f.Seq, At: f.At}})
			time.Sleep(5 * time.Millisecond)
		}
		shown <- int(f.Seq)
	}()
	var seq uint64
	newer := func(raw json.RawMessage) bool {
		var m robot.Message
		if err := json.Unmarshal([]byte(decode[text](t, raw).Data), &m); err != nil || m.Seq <= seq {
			t.Errorf("message %d after %d, %v", m.Seq, seq, err)
		}
		seq = m.Seq
		return m.State == "locked"
	}
	for range 10 {
		s.Wait("/deixis/arm/target", "a lock", newer)
		s.Close()
		s = bridgetest.Start(t, bridgetest.Options{Addr: addr})
	}
	s.Wait("/deixis/arm/target", "a lock", newer)
	stop()
	<-ended
	n := <-shown
	stats := p.Stats()[0]
	t.Logf("ten restarts: %d pictures, %d messages sent, %d missed, %d errors", n, stats.Shown, stats.Skipped, stats.Errors)
	if stats.Errors < 1 {
		t.Error("no error is counted")
	}
}

func TestASecretThatIsWrongIsTold(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{Secret: "0123456789abcdef"})
	c := open(t, Options{Server: bridge.Options{URL: s.URL(), Secret: "another"}})
	st := newStudio(t, time.Minute)
	ctx, stop := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer stop()
	var err error
	for err == nil {
		err = c.Send(ctx, st.show(1, 1, pipeline.Locked, 1))
	}
	if strings.Contains(err.Error(), "\n") || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
}

func TestCameraInfo(t *testing.T) {
	for topic, want := range map[string]string{
		"/camera/image_raw/compressed": "/camera/camera_info", "/camera/image_raw": "/camera/camera_info", "/image": "/camera_info",
		"/depth/image_rect/compressedDepth": "/depth/camera_info", "/compressed": "/camera_info",
	} {
		if got := CameraInfoTopic(topic); got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
	s := bridgetest.Start(t, bridgetest.Options{})
	lenses := make(chan *lens.Lens, 100)
	var log bytes.Buffer
	w := &LensWatch{Source: "ros://" + s.Addr() + "/camera/image_raw/compressed", Set: func(l *lens.Lens) { lenses <- l }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	s.Subscribed("/camera/camera_info")
	w.take(json.RawMessage(`{"width":640,"height":480,"k":[0,0,0,0,0,0,0,0,0],"d":[]}`), time.Now()) // not calibrated
	w.take(json.RawMessage(`7`), time.Now())
	info := `{"width":640,"height":480,"distortion_model":"plumb_bob","%s":[0.1,0,0,0,0],"%s":[500,0,319.5,0,510,239.5,0,0,1]}`
	s.Publish("/camera/camera_info", json.RawMessage(fmt.Sprintf(info, "d", "k")))
	l := <-lenses
	if l.FX != 500 || l.FY != 510 || l.CX != 320 || l.CY != 240 || l.D[0] != 0.1 || l.Width != 640 {
		t.Errorf("%+v", l)
	}
	w.take(json.RawMessage(fmt.Sprintf(info, "D", "K")), time.Now()) // of ROS 1, the same
	w.take(json.RawMessage(strings.Replace(fmt.Sprintf(info, "D", "K"), "640", "320", 1)), time.Now())
	if l := <-lenses; l.Width != 320 {
		t.Errorf("%+v", l)
	}
	stop()
	if err := <-ended; err != nil || strings.Count(log.String(), "focal length") != 1 {
		t.Errorf("%v, told\n%s", err, &log)
	}
}

func TestPictures(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	addr := s.Addr()
	stamp := bridge.Header{Stamp: bridge.Time{Sec: 5}, FrameID: "eye"}
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}, Header: func(at time.Time) (bridge.Header, bool) { return stamp, at.Unix() == 5 }})
	p := c.Pictures(func(f *camera.Frame, quality int) ([]byte, error) { return []byte{1, 2, byte(f.Seq)}, nil })
	defer p.Close()
	f := camera.Frame{Seq: 9, At: time.Unix(5, 0)}
	if err := p.Show(t.Context(), &f, nil); err != nil {
		t.Fatal(err)
	}
	got := decode[bridge.CompressedImage](t, s.Wait("/deixis/arm/picture/compressed", "a picture", anything))
	if got.Header != stamp || got.Format != "jpeg" || !bytes.Equal(got.Data, []byte{1, 2, 9}) {
		t.Errorf("%+v", got)
	}
	s.Close()
	for p.Show(t.Context(), &f, nil) == nil {
		f.Seq++
	}
	s = bridgetest.Start(t, bridgetest.Options{Addr: addr})
	f.At = time.Unix(6, 7)
	for p.Show(t.Context(), &f, nil) != nil {
	}
	if got := decode[bridge.CompressedImage](t, s.Wait("/deixis/arm/picture/compressed", "a picture", anything)); got.Header != (bridge.Header{Stamp: bridge.Time{Sec: 6, Nanosec: 7}, FrameID: DefaultFrameID}) {
		t.Errorf("%+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := p.Show(ctx, &f, nil); err == nil {
		t.Error("shows though nobody waits")
	}
}
