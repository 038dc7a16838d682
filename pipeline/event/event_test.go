package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

func TestEvents(t *testing.T) {
	f := &camera.Frame{
		Seq: 812, At: time.Date(2026, 11, 23, 16, 4, 5, 123_456_789, time.FixedZone("", 3600)),
		PTS: 27_060 * time.Millisecond, Width: 1280, Height: 720,
	}
	views := []pipeline.View{
		{Phrase: `the "red" cup`, State: pipeline.Locked, Box: model.Box{X1: 1.04, Y1: 2, X2: 300.26, Y2: 4}, Score: 0.93, Margin: 0.0512, Age: 48_123 * time.Microsecond, Track: 3, Seq: 811},
		{Phrase: "a dog", State: pipeline.Absent, Score: float32(math.NaN())},
	}
	var out bytes.Buffer
	if err := (&Writer{W: &out, Source: "0"}).Show(t.Context(), f, views); err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"source":"0","seq":812,"t":"2026-11-23T15:04:05.123Z","pts":27.06,"size":[1280,720],"phrase":"the \"red\" cup","state":"locked","box":[1,2,300.3,4],"score":0.93,"margin":0.051,"age_ms":48.1,"track":3}
{"v":1,"source":"0","seq":812,"t":"2026-11-23T15:04:05.123Z","pts":27.06,"size":[1280,720],"phrase":"a dog","state":"absent","box":null,"score":0,"margin":0,"age_ms":0,"track":0}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
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
	if err := (&Writer{W: w}).Show(ctx, &f, []pipeline.View{{Phrase: "a cup"}}); err != nil {
		t.Errorf("Show = %v for a reader that is only late", err)
	}
}

func TestSpeechEvents(t *testing.T) {
	var b bytes.Buffer
	a := Writer{W: &b, Source: "0"}
	if err := a.Say(t.Context(), pipeline.Said{N: 2, Heard: "Stop.", Command: "stop"}); err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(b.Bytes(), &e); err != nil || b.Bytes()[b.Len()-1] != '\n' {
		t.Fatalf("%q: %v", b.String(), err)
	}
	speech, _ := e["speech"].(map[string]any)
	if e["v"] != 1.0 || e["source"] != "0" || e["t"] == "" || speech["command"] != "stop" || speech["phrase"] != "" || e["phrase"] != nil {
		t.Errorf("event %v", e)
	}
	broken := errors.New("broken")
	a.W = failing{broken}
	if err := a.Say(t.Context(), pipeline.Said{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
