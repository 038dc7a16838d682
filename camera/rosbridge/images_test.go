package rosbridge

import (
	"context"
	"errors"
	"testing"
	"time"

	"deixis/camera/rosbridge/bridgetest"
)

func TestParseSource(t *testing.T) {
	for text, want := range map[string][2]string{
		"ros://robot/camera/image_raw/compressed": {"ws://robot:9090", "/camera/image_raw/compressed"},
		"ros://10.0.0.7:9091/a/":                  {"ws://10.0.0.7:9091", "/a"},
		"ross://[::1]/a":                          {"wss://[::1]:9090", "/a"},
		"ros://robot":                             {}, "ros:///a": {}, "http://robot/a": {}, "ros://me:secret@robot/a": {}, "ros://robot/a?b=c": {}, "ros://%": {},
	} {
		server, topic, err := ParseSource(text)
		if [2]string{server, topic} != want || (err == nil) != (want[0] != "") {
			t.Errorf("%s: %q, %q, %v", text, server, topic, err)
		}
	}
}

func TestTheNewestPictureWins(t *testing.T) {
	s := bridgetest.Start(t, bridgetest.Options{})
	images, err := OpenImages(t.Context(), "ros://"+s.Addr()+"/a/compressed", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer images.Close()
	s.Subscribed("/a/compressed")
	picture := func(sec int) map[string]any {
		return map[string]any{"header": map[string]any{"stamp": map[string]int{"sec": sec, "nanosec": 5}, "frame_id": "eye"}, "format": "jpeg", "data": "AQID"}
	}
	s.Publish("/a/compressed", picture(1))
	p, err := images.Next(t.Context())
	if err != nil || p.Number != 1 || p.Header != (Header{Time{1, 5}, "eye"}) || len(p.Data) != 3 || time.Since(p.At) > bridgetest.Patience {
		t.Errorf("%+v, %v", p, err)
	}
	s.Publish("/a/compressed", map[string]any{"data": 7})
	if _, err := images.Next(t.Context()); !errors.Is(err, ErrImage) {
		t.Errorf("got %v", err)
	}
	const more = 100
	last := uint64(2)
	for i := range more {
		s.Publish("/a/compressed", picture(2+i))
	}
	for p.Header.Stamp.Sec < more+1 {
		if p, err = images.Next(t.Context()); err != nil || p.Number <= last {
			t.Fatalf("%d after %d, %v", p.Number, last, err)
		}
		last = p.Number
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := images.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	s.Close()
	if _, err := images.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestStamps(t *testing.T) {
	var s Stamps
	at := time.Unix(1_700_000_000, 0)
	for i := range stampsKept + 1 {
		s.Add(at.Add(time.Duration(i)), Header{FrameID: string(rune('a' + i%26))})
	}
	if h, ok := s.Header(at.Add(stampsKept)); !ok || h.FrameID != string(rune('a'+stampsKept%26)) {
		t.Errorf("%v, %v", h, ok)
	}
	if _, ok := s.Header(at); ok {
		t.Error("the oldest is kept for ever")
	}
}
