package model

import "testing"

func TestTranscriptText(t *testing.T) {
	for name, tt := range map[string]struct {
		heard []Hypothesis
		want  string
	}{
		"no speech": {nil, ""},
		"likeliest": {[]Hypothesis{{Text: "a cup"}, {Text: "a cub"}}, "a cup"},
	} {
		if got := (Transcript{NBest: tt.heard}).Text(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
