package rosbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
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
