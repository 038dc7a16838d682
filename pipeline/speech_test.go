package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"deixis/model"
)

func TestSpeechLine(t *testing.T) {
	now := time.Now()
	said := &Said{Heard: "Show me the cup.", Phrase: "the cup"}
	for name, tt := range map[string]struct {
		s    Speech
		want string
	}{
		"nobody listens":  {Speech{}, ""},
		"off":             {Speech{State: "off", Said: said, Since: now.Add(-time.Minute)}, ""},
		"off just now":    {Speech{State: "off", Said: said, Since: now}, "heard “Show me the cup.”: looking for the cup"},
		"no device":       {Speech{State: "no device", Why: "microphone: refused"}, "microphone: refused"},
		"hearing":         {Speech{State: "hearing", Said: said, Since: now}, "hearing …"},
		"working":         {Speech{State: "working"}, "hearing … one moment"},
		"listening":       {Speech{State: "listening", Mode: "always"}, "listening"},
		"silent":          {Speech{State: "listening", Mode: "wake", Why: "silent"}, "listening; the sound is silent"},
		"for the button":  {Speech{State: "listening", Mode: "ptt"}, ""},
		"understood":      {Speech{State: "listening", Mode: "ptt", Said: said, Since: now}, "heard “Show me the cup.”: looking for the cup"},
		"command":         {Speech{State: "listening", Said: &Said{Heard: "Stop.", Command: "stop"}, Since: now}, "heard “Stop.”: stop"},
		"command refused": {Speech{State: "listening", Said: &Said{Heard: "Next.", Command: "other", Why: "nothing is shown"}, Since: now}, "heard “Next.”: nothing is shown"},
		"not understood":  {Speech{State: "listening", Said: &Said{Why: "too noisy"}, Since: now}, "not understood: too noisy"},
	} {
		if got := tt.s.Line(now); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestCaptionOnThePicture(t *testing.T) {
	text := "listening"
	o := Overlay{Caption: func() string { return text }}
	f := grey(640, 360)
	o.Draw(f, nil)
	r := painted(f)
	if r.Empty() || r.Min.Y < 300 {
		t.Errorf("the caption is painted at %v", r)
	}
	g := grey(640, 360)
	o.Draw(g, []View{{Phrase: "a dog", State: Absent}})
	if both := painted(g); both.Min.Y >= r.Min.Y || both.Max.Y != r.Max.Y {
		t.Errorf("the caption is at %v, with a line above it at %v", r, both)
	}
	text = ""
	f = grey(640, 360)
	if o.Draw(f, nil); !painted(f).Empty() {
		t.Error("an empty caption is painted")
	}
	o.Draw(f, []View{{Phrase: "p", State: Locked, Box: model.Box{X1: 1, Y1: 1, X2: 9, Y2: 9}}})
}

func TestSpeechEvents(t *testing.T) {
	var b bytes.Buffer
	a := Alarm{Events: Events{W: &b, Source: "0"}}
	if err := a.Say(t.Context(), Said{N: 2, Heard: "Stop.", Command: "stop"}); err != nil {
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
	if err := a.Say(t.Context(), Said{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
