package web

import (
	"testing"
	"time"

	"deixis/camera"
)

// TestThinLink: a watcher who asks for two pictures a second gets two of every second
// of frames, however they come, and of the quality asked for; those who see the same
// share one encoding.
func TestThinLink(t *testing.T) {
	var l looks
	thin := look{overlay: true, quality: 30, every: time.Second / 2}
	each := look{overlay: true, quality: 80}
	for _, want := range []look{thin, each} {
		_, leave, ok := l.join(want)
		if !ok {
			t.Fatal("no room")
		}
		defer leave()
	}
	start := time.Now()
	got := map[look]int{}
	for i := range 300 { // ten seconds of 30 frames
		for want := range l.due(start.Add(time.Duration(i) * time.Second / 30)) {
			got[want]++
		}
	}
	if got[each] != 300 || got[thin] != 20 {
		t.Errorf("of 300 frames in 10 s %d and %d were due, want 300 and 20", got[each], got[thin])
	}
	s, p := serve(t, nil)
	var qualities []int
	encodes := s.o.Encode
	s.o.Encode = func(f *camera.Frame, quality int) ([]byte, error) {
		qualities = append(qualities, quality)
		return encodes(f, quality)
	}
	for _, want := range []look{{true, 30, time.Hour}, {true, 30, time.Minute}, {true, 80, 0}, {false, 30, 0}} {
		_, leave, _ := s.streams.join(want)
		defer leave()
	}
	frames(t, s, 2)
	if len(qualities) != 3+2 || p.drawn != 2 {
		t.Errorf("two frames were encoded in qualities %v and drawn %d times", qualities, p.drawn)
	}
}

// TestLooksAreForgotten: what nobody watches any more costs nothing.
func TestLooksAreForgotten(t *testing.T) {
	var l looks
	var leaves []func()
	for i := range maxWatchers {
		_, leave, ok := l.join(look{overlay: true, quality: 10 * (1 + i%10), every: time.Duration(i)})
		if !ok {
			t.Fatalf("watcher %d has no room", i)
		}
		leaves = append(leaves, leave)
	}
	if _, _, ok := l.join(look{overlay: true}); ok {
		t.Error("one more than may watch")
	}
	if _, leave, ok := l.join(look{}); !ok {
		t.Error("the bare picture has no room of its own")
	} else {
		leaves = append(leaves, leave)
	}
	for _, leave := range leaves {
		leave()
	}
	if len(l.all) != 0 {
		t.Errorf("%d looks are kept for nobody", len(l.all))
	}
}
