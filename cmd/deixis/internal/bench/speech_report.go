package bench

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// SpeechReport is what `bench speech --json` prints.
type SpeechReport struct {
	Phrases int      `json:"phrases"`
	Voices  []string `json:"voices"`
	Heard   int      `json:"heard"` // of which some phrase was understood
	Right   struct { // share of all phrases whose best box is right, IoU 0.5 or more
		Typed float64 `json:"typed"`
		First float64 `json:"first"` // spoken, the likeliest reading taken
		Joint float64 `json:"joint"` // spoken, its readings held against the picture
	} `json:"right"`
	Changed int `json:"changed"` // phrases where the picture took another reading
	WER     struct {
		First float64 `json:"first"`
		Joint float64 `json:"joint"`
	} `json:"wer"` // word errors for each word said
	MS map[string]app.Spread `json:"ms"` // from the end of speech to the first right box
}

func (t *spokenTrial) report(voices []string) *SpeechReport {
	s := &t.sums
	r := &SpeechReport{Phrases: s.n, Voices: voices, Heard: s.heard, Changed: s.changed, MS: map[string]app.Spread{}}
	share := func(n, of int) float64 { return model.Round(float64(n)/float64(max(1, of)), 3) }
	r.Right.Typed, r.Right.First, r.Right.Joint = share(s.typed, s.n), share(s.first, s.n), share(s.joint, s.n)
	r.WER.First, r.WER.Joint = share(s.wrongFirst, s.words), share(s.wrongJoint, s.words)
	for i := range reflect.TypeFor[part]().NumField() {
		var all []float64
		for _, p := range t.seconds {
			all = append(all, reflect.ValueOf(p).Field(i).Float())
		}
		r.MS[strings.ToLower(reflect.TypeFor[part]().Field(i).Name)] = app.SpreadOf(all)
	}
	return r
}

// print writes the report for people.
func (r *SpeechReport) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%d phrases, spoken by %s; of %d something was understood
right boxes   typed %.3f   spoken %.3f   spoken, with the picture's help %.3f (it took another reading %d times)
word errors   %.3f   with the picture's help %.3f
from the end of speech to the first right box, ms
`, r.Phrases, strings.Join(r.Voices, ", "), r.Heard, r.Right.Typed, r.Right.First, r.Right.Joint, r.Changed, r.WER.First, r.WER.Joint)
	for _, stage := range []string{"wait", "recognise", "choose", "phrase", "frame", "ground", "draw", "whole"} {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-10s p50 %7.1f   p95 %7.1f\n", stage, r.MS[stage].P50, r.MS[stage].P95)
		}
	}
	return err
}
