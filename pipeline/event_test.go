package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
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
		{Phrase: `the "red" cup`, State: Locked, Box: model.Box{X1: 1.04, Y1: 2, X2: 300.26, Y2: 4}, Score: 0.93, Margin: 0.0512, Age: 48_123 * time.Microsecond, Track: 3, Seq: 811},
		{Phrase: "a dog", State: Absent, Score: float32(math.NaN())},
	}
	var out bytes.Buffer
	if err := (&Events{W: &out, Source: "0"}).Show(t.Context(), f, views); err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"source":"0","seq":812,"t":"2026-11-23T15:04:05.123Z","pts":27.06,"size":[1280,720],"phrase":"the \"red\" cup","state":"locked","box":[1,2,300.3,4],"score":0.93,"margin":0.051,"age_ms":48.1,"track":3}
{"v":1,"source":"0","seq":812,"t":"2026-11-23T15:04:05.123Z","pts":27.06,"size":[1280,720],"phrase":"a dog","state":"absent","box":null,"score":0,"margin":0,"age_ms":0,"track":0}
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
	for _, s := range Stages() {
		if s.String() == "" || s.String() == "unknown" {
			t.Errorf("stage %d has no name", s)
		}
	}
}

func TestEventsNobodyReads(t *testing.T) {
	for name, beside := range map[string]bool{"beside": true, "in line": false} {
		t.Run(name, func(t *testing.T) {
			unread, w := io.Pipe()
			defer unread.Close()
			l := &Live{From: pattern(0), By: slow{}}
			l.SetPhrases(phrases("a cup"))
			run := l.RunEvery
			if beside {
				l.Beside, run = []Beside{{Name: "events", To: &Events{W: w}}}, l.Run
			} else {
				l.To = &Events{W: w}
			}
			ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer stop()
			start := time.Now()
			if err := run(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if took := time.Since(start); took > 2*lastWrite {
				t.Errorf("the line took %v to end", took)
			}
		})
	}
}

func TestEventsAreFinishedAtTheEnd(t *testing.T) {
	read, w := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	go func() {
		time.Sleep(20 * time.Millisecond)
		io.Copy(io.Discard, read)
	}()
	defer w.Close()
	var f camera.Frame
	f.Resize(2, 1)
	if err := (&Events{W: w}).Show(ctx, &f, []View{{Phrase: "a cup"}}); err != nil {
		t.Errorf("Show = %v for a reader that is only late", err)
	}
}
