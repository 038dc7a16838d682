package pipeline

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

func TestEvents(t *testing.T) {
	f := &camera.Frame{
		Seq: 812, At: time.Date(2026, 11, 23, 16, 4, 5, 123_456_789, time.FixedZone("", 3600)),
		PTS: 27_060 * time.Millisecond, Width: 1280, Height: 720,
	}
	views := []View{
		{Phrase: `the "red" cup`, State: Locked, Box: model.Box{X1: 1.04, Y1: 2, X2: 300.26, Y2: 4}, Score: 0.93, Age: 48_123 * time.Microsecond, Track: 3, Seq: 811},
		{Phrase: "a dog", State: Absent, Score: float32(math.NaN())},
	}
	var out bytes.Buffer
	if err := (&Events{W: &out, Source: "0"}).Show(t.Context(), f, views); err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"source":"0","seq":812,"t":"2026-11-23T15:04:05.123Z","pts":27.06,"size":[1280,720],"phrase":"the \"red\" cup","state":"locked","box":[1,2,300.3,4],"score":0.93,"age_ms":48.1,"track":3}
{"v":1,"source":"0","seq":812,"t":"2026-11-23T15:04:05.123Z","pts":27.06,"size":[1280,720],"phrase":"a dog","state":"absent","box":null,"score":0,"age_ms":0,"track":0}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

func TestStateNames(t *testing.T) {
	var names []string
	for s := Searching; s <= Absent+1; s++ {
		names = append(names, s.String())
	}
	if got := strings.Join(names, " "); got != "searching locked unsure lost absent unknown" {
		t.Error(got)
	}
}

func TestTimings(t *testing.T) {
	var times Timings
	if s := times.Of(Draw); s != (Spread{}) {
		t.Errorf("of nothing: %+v", s)
	}
	for i := range 5000 { // the newest 1024 count: 3976 to 4999
		times.Add(Draw, time.Duration(i))
	}
	if s := times.Of(Draw); s.N != 1024 || s.P50 != 3976+512 || s.P95 != 3976+972 || s.P99 != 3976+1013 {
		t.Errorf("Of = %+v", s)
	}
	if times.Reset(); times.Of(Draw).N != 0 {
		t.Error("Reset forgot nothing")
	}
	for _, s := range Stages() {
		if s.String() == "" || s.String() == "unknown" {
			t.Errorf("stage %d has no name", s)
		}
	}
}
