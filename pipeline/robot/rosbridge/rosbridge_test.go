package rosbridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera"
	bridge "deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/lens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// python is the one with roslibpy and rosbags.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("DEIXIS_ROS")
	if path == "" {
		path = filepath.Join("..", "..", "..", ".venv", "ros", "bin", "python")
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no roslibpy and rosbags on this machine (make .venv/.ros)")
	}
	return path
}

func open(t *testing.T, o Options) *Client {
	t.Helper()
	o.Boot, o.Log = "B", quiet
	if o.Name == "" {
		o.Name = "arm"
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), bridgetest.Patience)
		defer stop()
		c.Close(ctx)
	})
	return c
}

// A ranger knows that everything is 2 m away.
type ranger struct{}

func (ranger) Prepare(*camera.Frame, *pipeline.View) {}
func (ranger) Range(model.Box, int, int) (robot.Range, bool) {
	return robot.Range{Median: 2, Spread: 0.1349, Valid: 0.75}, true
}

// A studio makes messages as the line does.
type studio struct {
	t *testing.T
	m *robot.Machine
	f camera.Frame
}

func newStudio(t *testing.T, valid time.Duration) *studio {
	t.Helper()
	wide, err := lens.FromFOV(90)
	if err != nil {
		t.Fatal(err)
	}
	s := &studio{t: t, m: robot.NewMachine(robot.Config{Name: "arm", Source: "0", Boot: "B", Lens: wide, Latency: 40 * time.Millisecond, ValidFor: valid, Ranger: ranger{}}, time.Now())}
	s.f.Width, s.f.Height = 640, 480
	s.m.Ask(time.Now(), "the blue box")
	return s
}

func parcel(t *testing.T, u robot.Update) *robot.Parcel {
	t.Helper()
	raw, err := json.Marshal(&u.Message)
	if err != nil {
		t.Fatal(err)
	}
	return &robot.Parcel{Message: &u.Message, JSON: raw, Events: u.Events}
}

// show is the message of a picture with a target of 64x48 pixels around (x, y).
func (s *studio) show(x, y float32, state pipeline.State, track int) *robot.Parcel {
	s.t.Helper()
	s.f.Seq++
	s.f.At = time.Now()
	v := pipeline.View{
		Phrase: "the blue box", State: state, Box: model.Box{X1: x - 32, Y1: y - 24, X2: x + 32, Y2: y + 24},
		Score: 0.875, Margin: 0.5, Track: track, Seq: s.f.Seq, At: s.f.At,
	}
	u, ok := s.m.Frame(time.Now(), &s.f, []pipeline.View{v})
	if !ok {
		s.t.Fatal("nothing to send")
	}
	return parcel(s.t, u)
}

// send sends until that works.
func send(t *testing.T, c *Client, p *robot.Parcel) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer stop()
	for c.Send(ctx, p) != nil {
		if ctx.Err() != nil {
			t.Fatal("nothing goes out")
		}
		time.Sleep(time.Millisecond)
	}
}

func decode[T any](t *testing.T, raw json.RawMessage) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func anything(json.RawMessage) bool { return true }

func TestFieldByField(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	stamp := bridge.Header{Stamp: bridge.Time{Sec: 77, Nanosec: 123456789}, FrameID: "left_eye"}
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}, Header: func(at time.Time) (bridge.Header, bool) { return stamp, true }})
	st := newStudio(t, time.Minute)
	send(t, c, st.show(480, 120, pipeline.Locked, 3))
	d := decode[detections](t, s.Wait("/deixis/arm/detections", "a detection", anything))
	if d.Header != stamp || len(d.Detections) != 1 {
		t.Fatalf("%+v", d)
	}
	one := d.Detections[0]
	if one.Header != stamp || one.ID != "B.1" || one.Box != (box2D{Center: pose2D{Position: point2D{480, 120}}, SizeX: 64, SizeY: 48}) ||
		len(one.Results) != 1 || one.Results[0].Hypothesis != (hypothesis{"the blue box", 0.875}) || one.Results[0].Pose.Pose.Orientation.W != 1 {
		t.Errorf("%+v", one)
	}
	// 90 degrees over 640 pixels: 320 pixels from the middle are a tangent of 1.
	b := decode[vectorStamped](t, s.Wait("/deixis/arm/bearing", "a bearing", anything))
	x, y, n := 0.5, -0.375, math.Sqrt(0.5*0.5+0.375*0.375+1)
	want := vector{x / n, y / n, 1 / n}
	if b.Header != stamp || math.Abs(b.Vector.X-want.X)+math.Abs(b.Vector.Y-want.Y)+math.Abs(b.Vector.Z-want.Z) > 3e-5 { // angles have five digits
		t.Errorf("%+v, want %+v", b, want)
	}
	p := decode[pointStamped](t, s.Wait("/deixis/arm/point", "a point", anything))
	if pose := one.Results[0].Pose; p.Header != stamp || p.Point != (vector{1, -0.75, 2}) || pose.Pose.Position != p.Point || math.Abs(pose.Covariance[14]-0.01) > 1e-9 {
		t.Errorf("%+v in %+v", p, pose)
	}
	if r := decode[region](t, s.Wait("/deixis/arm/region", "a region", anything)); r != (region{X: 448, Y: 96, Width: 64, Height: 48}) {
		t.Errorf("%+v", r)
	}
	h := decode[diagnostics](t, s.Wait("/diagnostics", "the health", anything))
	if len(h.Status) != 1 || h.Status[0].Level != levelOK || h.Status[0].Name != "deixis: arm" || h.Status[0].Hardware != "0" || h.Status[0].Values[0] != (keyValue{"phrase", "the blue box"}) {
		t.Errorf("%+v", h)
	}
	if age := time.Since(h.Header.Stamp.Time()); age < 0 || age > bridgetest.Patience {
		t.Errorf("the health is of %v ago", age)
	}
	s.Got()
	// The heartbeat tells nothing new of the picture.
	u, ok := st.m.Tick(time.Now().Add(robot.DefaultHeartbeat))
	if !ok {
		t.Fatal("no heartbeat")
	}
	send(t, c, parcel(t, u))
	s.Wait("/deixis/arm/target", "the heartbeat", func(m json.RawMessage) bool { return bytes.Contains(m, []byte(`\"locked\"`)) })
	send(t, c, st.show(100, 100, pipeline.Unsure, 3))
	if d := decode[detections](t, s.Wait("/deixis/arm/detections", "no detection", anything)); len(d.Detections) != 0 || d.Header != stamp {
		t.Errorf("of what is unsure: %+v", d)
	}
	if r := decode[region](t, s.Wait("/deixis/arm/region", "a region", anything)); r != (region{}) {
		t.Errorf("%+v", r)
	}
	send(t, c, st.show(480, 120, pipeline.Locked, 3))
	if d := decode[detections](t, s.Wait("/deixis/arm/detections", "a detection", anything)); d.Detections[0].ID != "B.1" {
		t.Errorf("the same thing has another id: %+v", d)
	}
	send(t, c, st.show(300, 120, pipeline.Locked, 4))
	if d := decode[detections](t, s.Wait("/deixis/arm/detections", "a detection", anything)); d.Detections[0].ID != "B.2" {
		t.Errorf("another thing has the same id: %+v", d)
	}
	u, _ = st.m.Away(time.Now(), "the camera is away")
	send(t, c, parcel(t, u))
	if d := decode[detections](t, s.Wait("/deixis/arm/detections", "no detection", anything)); len(d.Detections) != 0 || d.Header == stamp {
		t.Errorf("of what is lost: %+v", d)
	}
	bad := func(m json.RawMessage) bool { return !bytes.Contains(m, []byte(`"level":0`)) } // the same is told once a second
	if h := decode[diagnostics](t, s.Wait("/diagnostics", "the health", bad)); h.Status[0].Level != levelError || !strings.Contains(h.Status[0].Message, "away") {
		t.Errorf("%+v", h)
	}
	s.Wait("/deixis/arm/events", "an end", func(m json.RawMessage) bool { return bytes.Contains(m, []byte(`\"end\"`)) })
}

// A camera that is no topic of ROS has stamps of its capture, less its latency.
func TestStampsOfOtherCameras(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}, FrameID: "wrist_optical_frame", Name: "7 of-9"})
	st := newStudio(t, time.Minute)
	send(t, c, st.show(320, 240, pipeline.Locked, 1))
	d := decode[detections](t, s.Wait("/deixis/n7_of_9/detections", "a detection", anything))
	want := st.f.At.Add(-40 * time.Millisecond)
	if late := want.Sub(d.Header.Stamp.Time()); d.Header.FrameID != "wrist_optical_frame" || late < 0 || late > time.Microsecond { // cut off below
		t.Errorf("%+v, %v off", d.Header, late)
	}
	s.Subscribed("/clock")
	s.Publish("/clock", map[string]any{"clock": map[string]int{"sec": 12, "nanosec": 5}})
	for d.Header.Stamp != (bridge.Time{Sec: 12, Nanosec: 5}) { // until the clock has come
		send(t, c, st.show(320, 240, pipeline.Locked, 1))
		d = decode[detections](t, s.Wait("/deixis/n7_of_9/detections", "a detection", anything))
	}
}

func TestClock(t *testing.T) {
	var c clock
	here := time.Unix(1_700_000_000, 0)
	say := func(after time.Duration, sec, nanosec int) {
		c.take(json.RawMessage(fmt.Sprintf(`{"clock":{"sec":%d,"nanosec":%d}}`, sec, nanosec)), here.Add(after))
	}
	if got := c.at(here); !got.Equal(here) {
		t.Errorf("without a clock: %v", got)
	}
	c.take(json.RawMessage(`{}`), here)
	c.take(json.RawMessage(`7`), here)
	for i := range 2 * clockKept { // at half the speed of this machine
		say(time.Duration(2*i)*time.Millisecond, 10, i*1_000_000)
	}
	newest := time.Duration(2*(2*clockKept-1)) * time.Millisecond
	for back, want := range map[time.Duration]float64{0: 255, -time.Hour: 255, time.Millisecond: 254.5, 10 * time.Millisecond: 250, time.Hour: 128} {
		if got := c.at(here.Add(newest-back)).Sub(time.Unix(10, 0)).Seconds() * 1000; math.Abs(got-want) > 1e-3 {
			t.Errorf("%v before the newest: %v ms, want %v", back, got, want)
		}
	}
	say(newest+time.Second, 0, 0) // begins anew
	if got := c.at(here.Add(newest)); !got.Equal(time.Unix(0, 0)) {
		t.Errorf("%v", got)
	}
}

func TestOrders(t *testing.T) {
	taken := make(chan robot.Order, 100)
	in := &robot.Inbox{Log: quiet, Do: func(_ context.Context, o robot.Order) error { taken <- o; return nil }}
	s := bridgetest.Start(t, bridgetest.Options{Secret: "0123456789abcdef"})
	c := open(t, Options{Server: bridge.Options{URL: s.URL(), Secret: "0123456789abcdef"}, Inbox: in})
	st := newStudio(t, time.Minute)
	send(t, c, st.show(320, 240, pipeline.Locked, 1))
	s.Subscribed("/deixis/arm/phrase")
	s.Subscribed("/deixis/arm/command")
	for _, m := range []string{`{"data":"the red cup"}`, `7`, `{"data":"` + strings.Repeat("x", robot.LongestOrder+1) + `"}`} {
		s.Publish("/deixis/arm/phrase", json.RawMessage(m))
	}
	if o := <-taken; o.Phrase != "the red cup" {
		t.Errorf("%+v", o)
	}
	for _, m := range []string{`{"data":" "}`, `{"data":"explode"}`, `{"data":"Confirm 3"}`} {
		s.Publish("/deixis/arm/command", json.RawMessage(m))
	}
	if o := <-taken; o.Command != robot.Confirm || o.Track != 3 {
		t.Errorf("%+v", o)
	}
	for in.Refused() < 4 {
		time.Sleep(time.Millisecond)
	}
	// What a publisher keeps comes again with a connection, and is not taken again.
	again := c.order(0)
	again(json.RawMessage(`{"data":"the red cup"}`), time.Now())
	again(json.RawMessage(`{"data":"the dog"}`), time.Now())
	again(json.RawMessage(`{"data":"the dog"}`), time.Now().Add(time.Minute))
	for range 2 {
		if o := <-taken; o.Phrase != "the dog" {
			t.Errorf("%+v", o)
		}
	}
	deaf := open(t, Options{Server: bridge.Options{URL: s.URL(), Secret: "0123456789abcdef"}, Name: "deaf"})
	send(t, deaf, st.show(320, 240, pipeline.Locked, 1))
	for _, topic := range []string{"/deixis/deaf/phrase", "/deixis/deaf/command"} {
		s.Publish(topic, text{"the cat"})
	}
	if len(taken) != 0 {
		t.Errorf("%+v is taken though nobody may order", <-taken)
	}
}

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

// everything sends each kind of message in each state.
func everything(t *testing.T, c *Client) {
	t.Helper()
	st := newStudio(t, time.Minute)
	send(t, c, parcel(t, st.m.Ask(time.Now(), "")))
	send(t, c, parcel(t, st.m.Ask(time.Now(), "the blue box")))
	for track, state := range []pipeline.State{pipeline.Searching, pipeline.Locked, pipeline.Unsure, pipeline.Lost, pipeline.Absent, pipeline.Locked} {
		send(t, c, st.show(320.4, 240.3, state, track))
	}
	u, _ := st.m.Away(time.Now(), "the camera is away")
	send(t, c, parcel(t, u))
	send(t, c, parcel(t, st.m.End(time.Now())))
	p := c.Pictures(func(*camera.Frame, int) ([]byte, error) { return []byte{0xff, 0xd8, 0, 1}, nil })
	defer p.Close()
	if err := p.Show(t.Context(), &st.f, nil); err != nil {
		t.Fatal(err)
	}
}

// rosbags serialises every message that is sent, and finds the same in it again.
func TestMessagesSerialisedByRosbags(t *testing.T) {
	path := python(t)
	s := bridgetest.Start(t, bridgetest.Options{})
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}})
	everything(t, c)
	var in bytes.Buffer
	var sent []bridgetest.Message
	seen := map[string]int{}
	for over := false; !over || seen[typePicture] == 0; time.Sleep(time.Millisecond) {
		for _, m := range s.Got() {
			sent = append(sent, m)
			seen[m.Type]++
			over = over || m.Type == typeDiagnostics && bytes.Contains(m.Msg, []byte(robot.RuleEnd+`"`))
		}
	}
	for _, m := range sent {
		if err := json.NewEncoder(&in).Encode(map[string]any{"topic": m.Topic, "type": m.Type, "msg": m.Msg}); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 7 {
		t.Errorf("messages of %v", seen)
	}
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("testdata", "check.py"))
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = &in, &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	n, total := 0, 0
	for line := range strings.Lines(string(out)) {
		var back struct {
			Bytes int
			Msg   any
		}
		var was any
		if err := json.Unmarshal([]byte(line), &back); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(sent[n].Msg, &was); err != nil || !reflect.DeepEqual(back.Msg, was) {
			t.Errorf("%s: sent %s, and it is %v, %v", sent[n].Topic, sent[n].Msg, back.Msg, err)
		}
		n, total = n+1, total+back.Bytes
	}
	if n != len(sent) {
		t.Errorf("%d of %d messages came back", n, len(sent))
	}
	t.Logf("%d messages of %d types, %d bytes serialised: %v", n, len(seen), total, slices.Sorted(maps.Keys(seen)))
}

// roslibpy gets the messages and gives orders.
func TestRoslibpy(t *testing.T) {
	path := python(t)
	s := bridgetest.Start(t, bridgetest.Options{})
	taken := make(chan robot.Order, 100)
	c := open(t, Options{Server: bridge.Options{URL: s.URL()}, Inbox: &robot.Inbox{Log: quiet, Do: func(_ context.Context, o robot.Order) error { taken <- o; return nil }}})
	st := newStudio(t, time.Minute)
	send(t, c, st.show(320, 240, pipeline.Locked, 1))
	host, port, _ := strings.Cut(s.Addr(), ":")
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("testdata", "peer.py"), host, port, "arm")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // it is ready
	for _, topic := range []string{"target", "detections", "bearing", "region"} {
		s.Subscribed("/deixis/arm/" + topic)
	}
	s.Subscribed("/diagnostics")
	if o := <-taken; o.Phrase != "the blue box" {
		t.Errorf("%+v", o)
	}
	if o := <-taken; o.Command != robot.Stop {
		t.Errorf("%+v", o)
	}
	s.Got()
	c.level = -1 // the health is told anew
	p := st.show(480, 120, pipeline.Locked, 2)
	send(t, c, p)
	s.Wait("/diagnostics", "the health", anything)
	heard := map[string]json.RawMessage{}
	for len(heard) < 5 && lines.Scan() {
		var m struct {
			Topic string
			Msg   json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		heard[m.Topic] = m.Msg
	}
	if got := decode[text](t, heard["/deixis/arm/target"]); got.Data != string(p.JSON) {
		t.Errorf("%s, want %s", got.Data, p.JSON)
	}
	if d := decode[detections](t, heard["/deixis/arm/detections"]); len(d.Detections) != 1 || d.Detections[0].Results[0].Hypothesis.ClassID != "the blue box" || d.Detections[0].ID != "B.2" {
		t.Errorf("%+v", d)
	}
	if r := decode[region](t, heard["/deixis/arm/region"]); r.X != 448 {
		t.Errorf("%+v", r)
	}
	if v := decode[vectorStamped](t, heard["/deixis/arm/bearing"]); v.Vector.X <= 0 || v.Vector.Y >= 0 {
		t.Errorf("%+v", v)
	}
	t.Logf("roslibpy heard %v", slices.Sorted(maps.Keys(heard)))
}
