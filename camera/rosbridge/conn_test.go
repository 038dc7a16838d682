package rosbridge

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera/rosbridge/bridgetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A heard is a subscription that a test listens to.
type heard chan json.RawMessage

func newHeard() heard { return make(heard, 1000) }

func (h heard) take(msg json.RawMessage, _ time.Time) { h <- msg }

// next waits for the next message.
func (h heard) next(t *testing.T) string {
	t.Helper()
	select {
	case m := <-h:
		return string(m)
	case <-time.After(bridgetest.Patience):
		t.Fatal("no message came")
		return ""
	}
}

func dial(t *testing.T, o Options, subs ...Subscription) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), o, subs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// What one publishes another gets, whichever way it is wrapped on the road.
func TestMessagesArriveInEachWrapping(t *testing.T) {
	text := strings.Repeat("the blue bøx 🟦 \n \\ \" ", 2000)
	for name, tt := range map[string]struct {
		out, in int // fragments
		png     bool
	}{
		"plain": {}, "fragments out": {out: 1000}, "fragments in": {in: 777}, "png": {png: true}, "png in fragments": {out: 3000, in: 999, png: true},
		"fragments of one letter": {out: 1000, in: 1},
	} {
		t.Run(name, func(t *testing.T) {
			said := text
			if tt.in == 1 {
				said = "bøx 🟦"
			}
			s := bridgetest.Start(t, bridgetest.Options{})
			got := newHeard()
			dial(t, Options{URL: s.URL(), Fragment: tt.in}, Subscription{Topic: "/phrase", Type: "std_msgs/msg/String", PNG: tt.png, Take: got.take})
			s.Subscribed("/phrase")
			from := dial(t, Options{URL: s.URL(), Fragment: tt.out})
			if err := from.Advertise(t.Context(), Publication{Topic: "/phrase", Type: "std_msgs/msg/String"}); err != nil {
				t.Fatal(err)
			}
			if err := from.Publish(t.Context(), "/phrase", map[string]string{"data": said}); err != nil {
				t.Fatal(err)
			}
			var m struct{ Data string }
			if err := json.Unmarshal([]byte(got.next(t)), &m); err != nil || m.Data != said {
				t.Errorf("%d bytes came of %d, %v", len(m.Data), len(said), err)
			}
		})
	}
}

func TestWhatIsAskedOfAServer(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	c := dial(t, Options{URL: s.URL(), Fragment: 5000, QoS: true}, Subscription{Topic: "/a", Type: "std_msgs/msg/String", Throttle: 20 * time.Millisecond, Queue: 3, PNG: true, BestEffort: true, Take: newHeard().take})
	if err := c.Advertise(t.Context(), Publication{Topic: "/b", Type: "std_msgs/msg/String", Latch: true}); err != nil {
		t.Fatal(err)
	}
	same := func(op map[string]any, want string) {
		t.Helper()
		delete(op, "id")
		raw, err := json.Marshal(op)
		if err != nil || string(raw) != want {
			t.Errorf("asked %s, want %s, %v", raw, want, err)
		}
	}
	same(s.Subscribed("/a"), `{"compression":"png","fragment_size":5000,"op":"subscribe","qos":{"depth":3,"durability":"volatile","history":"keep_last","reliability":"best_effort"},"queue_length":3,"throttle_rate":20,"topic":"/a","type":"std_msgs/msg/String"}`)
	same(s.Asked("an advertisement", func(op map[string]any) bool { return op["op"] == "advertise" }),
		`{"latch":true,"op":"advertise","qos":{"depth":1,"durability":"transient_local","history":"keep_last","reliability":"reliable"},"queue_size":1,"topic":"/b","type":"std_msgs/msg/String"}`)
	if err := c.Publish(t.Context(), "/b", map[string]string{"data": "kept"}); err != nil {
		t.Fatal(err)
	}
	s.Wait("/b", "the message", func(json.RawMessage) bool { return true })
	late := newHeard()
	plain := dial(t, Options{URL: s.URL()}, Subscription{Topic: "/b", Take: late.take})
	if got := late.next(t); got != `{"data":"kept"}` {
		t.Errorf("the latched message is %s", got)
	}
	if err := plain.Unadvertise(t.Context(), "/b"); err != nil {
		t.Fatal(err)
	}
	op := s.Asked("a plain subscription", func(op map[string]any) bool { return op["op"] == "subscribe" && op["topic"] == "/b" })
	if op["qos"] != nil || op["fragment_size"] != nil || op["compression"] != "none" {
		t.Errorf("%v", op)
	}
}

func TestAuthentication(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{Secret: "0123456789abcdef"})
	got := newHeard()
	dial(t, Options{URL: s.URL(), Secret: "0123456789abcdef"}, Subscription{Topic: "/a", Take: got.take})
	s.Subscribed("/a")
	s.Publish("/a", map[string]int{"data": 1})
	if m := got.next(t); m != `{"data":1}` {
		t.Errorf("got %s", m)
	}
	for i, secret := range []string{"", "another"} {
		c := dial(t, Options{URL: s.URL(), Secret: secret}, Subscription{Topic: "/a", Take: got.take})
		s.Refused(i + 1)
		<-c.Done()
		if err := c.Err(); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "not authenticated") {
			t.Errorf("secret %q: %v", secret, err)
		}
		if err := c.Publish(t.Context(), "/a", 1); err == nil {
			t.Error("publishes over a connection that is closed")
		}
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if _, err := Dial(t.Context(), Options{URL: "ws://" + addr}); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
	s := bridgetest.Start(t, bridgetest.Options{})
	c := dial(t, Options{URL: s.URL()})
	s.Close()
	<-c.Done()
	if err := c.Err(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Dial(ctx, Options{URL: s.URL()}); err == nil {
		t.Error("connects though nobody waits for it")
	}
}

// What cannot be read is told, and what comes after it is taken.
func TestMessagesOfABrokenServer(t *testing.T) {
	var noise bytes.Buffer
	if err := png.Encode(&noise, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	s := bridgetest.Start(t, bridgetest.Options{})
	got, told := newHeard(), make(chan string, 100)
	dial(t, Options{URL: s.URL(), Told: func(level, text string) { told <- level + ": " + text }}, Subscription{Topic: "/a", Take: got.take})
	s.Subscribed("/a")
	wrapped := `{"op":"publish","topic":"/a","msg":0}`
	for range deepest + 1 {
		raw, err := json.Marshal(map[string]any{"op": "fragment", "id": "x", "num": 0, "total": 1, "data": wrapped})
		if err != nil {
			t.Fatal(err)
		}
		wrapped = string(raw)
	}
	for _, bad := range []string{
		"no JSON", `[1]`, `{"op":"fragment","id":"1","num":0,"data":"x"}`, `{"op":"fragment","id":"1","num":5,"total":2,"data":"x"}`,
		`{"op":"fragment","id":"1","num":0,"total":1e9,"data":"x"}`, `{"op":"png","data":"%%"}`, `{"op":"png","data":"AAAA"}`,
		`{"op":"png","data":"` + base64.StdEncoding.EncodeToString(noise.Bytes()) + `"}`, wrapped, `{"op":"status","level":"error","msg":"no such topic"}`,
	} {
		s.Tell(bad)
		select {
		case m := <-told:
			if !strings.HasPrefix(m, "error: ") || strings.Contains(m, "\n") {
				t.Errorf("%.60s: told %q", bad, m)
			}
		case <-time.After(bridgetest.Patience):
			t.Fatalf("%.60s: nothing is told", bad)
		}
	}
	for id := range 2 * mostOpen { // never finished
		s.Tell(fmt.Sprintf(`{"op":"fragment","id":%d,"num":0,"total":2,"data":"x"}`, id))
	}
	s.Tell(`{"op":"publish","topic":"/else","msg":1}`)
	s.Tell(`{"op":"publish","topic":"/a","msg":{"data":7}}`)
	if m := got.next(t); m != `{"data":7}` {
		t.Errorf("got %s", m)
	}
}

func TestFragmentsOfManyMessages(t *testing.T) {
	var a assembler
	zero, one, two := 0.0, 1.0, 2.9
	for id := range 3 * mostOpen {
		key := json.RawMessage{byte('a' + id)}
		if got, err := a.add(&incoming{Op: "fragment", ID: key, Num: &one, Total: &two, Data: "b"}); got != "" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if len(a.open) != mostOpen {
		t.Errorf("%d messages are under way", len(a.open))
	}
	if got, err := a.add(&incoming{Op: "fragment", ID: json.RawMessage("a"), Num: &zero, Total: &two, Data: "a"}); got != "" || err != nil {
		t.Errorf("the oldest was kept: %q, %v", got, err)
	}
	newest := json.RawMessage{byte('a' + 3*mostOpen - 1)}
	if got, err := a.add(&incoming{Op: "fragment", ID: newest, Num: &zero, Total: &two, Data: "a"}); got != "ab" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTextInAPNGOfAnotherKind(t *testing.T) {
	want := `{"op":"x"}` + "\n\n"
	pic := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for i := range 4 {
		pic.SetNRGBA(i%2, i/2, color.NRGBA{want[3*i], want[3*i+1], want[3*i+2], 200})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, pic); err != nil {
		t.Fatal(err)
	}
	got, err := fromPNG(base64.StdEncoding.EncodeToString(buf.Bytes()))
	if err != nil || string(got) != strings.TrimRight(want, "\n") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTimesOfBothROS(t *testing.T) {
	for _, raw := range []string{`{"sec":7,"nanosec":9}`, `{"secs":7,"nsecs":9}`} {
		var got Time
		if err := json.Unmarshal([]byte(raw), &got); err != nil || got != (Time{7, 9}) {
			t.Errorf("%s: %v, %v", raw, got, err)
		}
	}
	at := time.Unix(1_700_000_000, 123_456_789)
	if got := NewTime(at).Time(); !got.Equal(at) {
		t.Errorf("%v", got)
	}
	var c CompressedImage
	if err := json.Unmarshal([]byte(`{"format":"png","data":[1,255]}`), &c); err != nil || !bytes.Equal(c.Data, []byte{1, 255}) {
		t.Errorf("%v, %v", c, err)
	}
	if err := json.Unmarshal([]byte(`{"data":5}`), &c); err == nil {
		t.Error("takes a number for data")
	}
}
