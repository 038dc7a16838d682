package bench

import (
	"context"
	"fmt"
	"io"
	"strings"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// LiveReport is what `bench speech --live --json` prints.
type LiveReport struct {
	Phrases int      `json:"phrases"`
	Voices  []string `json:"voices"`
	Heard   int      `json:"heard"` // of which some phrase was understood
	Right   struct { // phrases whose right box, IoU 0.5 or more, is shown and stays
		Typed  int `json:"typed"`
		Spoken int `json:"spoken"`
	} `json:"right"`
	WER     float64               `json:"wer"`
	TypedMS app.Spread            `json:"typed_ms"`  // from the phrase to its right box
	MS      map[string]app.Spread `json:"ms"`        // from the end of speech: whole, and its parts
	Stages  map[string]float64    `json:"stages_ms"` // of the line, means, from its /metrics
	GapMS   struct {
		Typed  app.Spread `json:"typed"`
		Spoken app.Spread `json:"spoken"`
	} `json:"gap_ms"` // from one frame shown to the next, while phrases are typed and while they are said
}

func (t *liveTrial) finish(ctx context.Context, voices []string) (_ *LiveReport, err error) {
	r := &t.report
	r.Voices, r.WER = voices, model.Round(float64(t.wrong)/float64(max(1, t.words)), 3)
	r.TypedMS, r.MS = app.SpreadOf(t.typed), map[string]app.Spread{"whole": app.SpreadOf(t.whole)}
	for part, ms := range t.parts {
		r.MS[part] = app.SpreadOf(ms)
	}
	r.Stages, err = t.line.stages(ctx)
	t.told.mu.Lock()
	defer t.told.mu.Unlock()
	r.GapMS.Typed, r.GapMS.Spoken = app.SpreadOf(t.told.typing), app.SpreadOf(t.told.talking)
	return r, err
}

// print writes the report for people.
func (r *LiveReport) Print(w io.Writer) error {
	lines := []string{
		fmt.Sprintf("%d phrases, spoken by %s to `deixis live`; of %d something was understood; word errors %.3f", r.Phrases, strings.Join(r.Voices, ", "), r.Heard, r.WER),
		fmt.Sprintf("right boxes   typed %d   spoken %d", r.Right.Typed, r.Right.Spoken),
		fmt.Sprintf("%-10s p50 %7.1f   p95 %7.1f ms to the right box", "typed", r.TypedMS.P50, r.TypedMS.P95),
	}
	for _, part := range []string{"whole", "wait", "queue", "recognise", "choose"} {
		lines = append(lines, fmt.Sprintf("%-10s p50 %7.1f   p95 %7.1f ms from the end of speech", part, r.MS[part].P50, r.MS[part].P95))
	}
	for _, s := range []string{"phrase", "frame", "ground", "draw", "encode", "fresh"} {
		lines = append(lines, fmt.Sprintf("%-10s %7.2f ms of the line, mean", s, r.Stages[s]))
	}
	lines = append(lines, fmt.Sprintf("from frame to frame, ms: p50 %.1f, p95 %.1f, p99 %.1f while phrases are typed; %.1f, %.1f, %.1f while they are said",
		r.GapMS.Typed.P50, r.GapMS.Typed.P95, r.GapMS.Typed.P99, r.GapMS.Spoken.P50, r.GapMS.Spoken.P95, r.GapMS.Spoken.P99))
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
