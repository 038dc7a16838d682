package pipeline

import (
	"testing"
	"time"
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
		"off long enough": {Speech{State: "off", Said: said, Since: now.Add(-captionFor)}, ""},
		"told":            {Speech{State: "listening", Said: said, Since: now.Add(-captionFor)}, "listening"},
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
