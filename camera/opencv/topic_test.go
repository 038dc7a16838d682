package opencv

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/camera/rosbridge"
	"deixis/camera/rosbridge/bridgetest"
)

const testTopic = "/camera/image_raw/compressed"

// A rosCamera is a node of ROS that publishes pictures over a rosbridge server.
type rosCamera struct {
	*bridgetest.Server
	t    *testing.T
	jpeg []byte
	sent int
}

func newROSCamera(t *testing.T, o bridgetest.Options) *rosCamera {
	t.Helper()
	jpeg, err := EncodeJPEG(picture(64, 48), 80)
	if err != nil {
		t.Fatal(err)
	}
	return &rosCamera{Server: bridgetest.Start(t, o), t: t, jpeg: jpeg}
}

func (c *rosCamera) ref() camera.Ref {
	c.t.Helper()
	ref, err := camera.Parse("ros://" + c.Addr() + testTopic)
	if err != nil {
		c.t.Fatal(err)
	}
	return ref
}

// stampOf is the header of picture n.
func stampOf(n int) rosbridge.Header {
	return rosbridge.Header{Stamp: rosbridge.Time{Sec: int64(1000 + n), Nanosec: 42}, FrameID: "eye"}
}

func (c *rosCamera) publish(jpeg []byte) {
	c.sent++
	h := stampOf(c.sent)
	c.Publish(testTopic, map[string]any{
		"header": map[string]any{"stamp": map[string]int64{"sec": h.Stamp.Sec, "nanosec": 42}, "frame_id": h.FrameID},
		"format": "jpeg", "data": base64.StdEncoding.EncodeToString(jpeg),
	})
}

// Pictures come at 30 Hz to one who takes his time: each is read, or counted as a drop.
func TestTopicAt30Hz(t *testing.T) {
	s := newROSCamera(t, bridgetest.Options{})
	const pictures, broken = 60, 7
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.Subscribed(testTopic)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for s.sent < pictures {
			if s.sent == broken {
				s.publish(s.jpeg[:len(s.jpeg)/2])
			} else {
				s.publish(s.jpeg)
			}
			<-tick.C
		}
	}()
	from, err := Open(t.Context(), s.ref(), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if i := from.Info(); i.Width != 64 || i.Height != 48 {
		t.Errorf("%+v", i)
	}
	var f camera.Frame
	read, dropped, number := 0, 0, 0
	for number < pictures {
		before, last := f.Seq, number
		if err := from.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		read, dropped = read+1, dropped+int(f.Seq-before-1)
		h, ok := from.(*Capture).Header(f.At)
		number = int(h.Stamp.Sec - 1000)
		if !ok || h != stampOf(number) || number <= last || number < int(f.Seq) {
			t.Fatalf("frame %d has the header %+v, %v, after that of picture %d", f.Seq, h, ok, last)
		}
		if read%10 == 0 { // so slow that some are missed
			time.Sleep(150 * time.Millisecond)
		}
	}
	<-over
	// What the server itself drops for a slow connection cannot be known here.
	if read+dropped+s.Dropped() != pictures || dropped < 1 || f.Width != 64 {
		t.Errorf("%d pictures were sent, %d read, %d counted as drops, %d dropped by the server", pictures, read, dropped, s.Dropped())
	}
	t.Logf("%d pictures at 30 Hz, one of them broken: %d read, %d counted as drops, %d dropped by the server", pictures, read, dropped, s.Dropped())
}

// A server that is not there yet, or gone, is waited for.
func TestTopicComesBack(t *testing.T) {
	first := newROSCamera(t, bridgetest.Options{Secret: "0123456789abcdef"})
	addr := first.Addr()
	ref := first.ref()
	first.Close()
	var log bytes.Buffer
	o := Options{Reconnect: true, Pause: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)), Rosbridge: rosbridge.Options{Secret: "0123456789abcdef"}}
	from, err := Open(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if !from.(*Capture).Lost() {
		t.Error("a server that is not there is no loss")
	}
	var f camera.Frame
	for range 3 {
		before := f.Seq
		s := newROSCamera(t, bridgetest.Options{Addr: addr, Secret: "0123456789abcdef"})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Subscribed(testTopic)
			for ctx.Err() == nil {
				s.publish(s.jpeg)
				time.Sleep(5 * time.Millisecond)
			}
		}()
		for range 5 {
			if err := from.Next(t.Context(), &f); err != nil || f.Seq <= before {
				t.Fatalf("picture %d after %d: %v\n%s", f.Seq, before, err, &log)
			}
			before = f.Seq
		}
		stop()
		<-done
		s.Close()
	}
	if !strings.Contains(log.String(), "waiting for it") || !strings.Contains(log.String(), "source is back") {
		t.Errorf("log says\n%s", &log)
	}
}

func TestTopicErrors(t *testing.T) {
	s := newROSCamera(t, bridgetest.Options{})
	silent := Options{OpenTimeout: 50 * time.Millisecond}
	if _, err := Open(t.Context(), s.ref(), silent); !errors.Is(err, camera.ErrLost) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a topic without pictures: %v", err)
	}
	s.Alone()
	var log bytes.Buffer
	large := Options{MaxPixels: 100, Log: slog.New(slog.NewTextHandler(&log, nil))}
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		from, err := Open(ctx, s.ref(), large)
		if err == nil {
			err = from.Close()
		}
		done <- err
	}()
	s.Subscribed(testTopic)
	for range 3 {
		s.publish(s.jpeg)
	}
	s.publish([]byte("no picture"))
	s.Close()
	if err := <-done; !errors.Is(err, camera.ErrLost) {
		t.Errorf("a server that closes: %v", err)
	}
	stop()
	if strings.Count(log.String(), "passed over") > 1 {
		t.Errorf("told more than once:\n%s", &log)
	}
	if _, err := Open(t.Context(), s.ref(), Options{}); !errors.Is(err, camera.ErrLost) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestPicturesOfATopicAreLimited(t *testing.T) {
	jpeg, err := EncodeJPEG(picture(64, 48), 80)
	if err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	if err := decodeWithin(jpeg, 64*48-1, &f); !errors.Is(err, camera.ErrNoPicture) || !strings.Contains(err.Error(), "--max-pixels") {
		t.Errorf("got %v", err)
	}
	if err := decodeWithin(jpeg, 64*48, &f); err != nil || f.Width != 64 {
		t.Errorf("got %v", err)
	}
}
