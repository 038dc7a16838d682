package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench/noise"
	"deixis/model"
	"deixis/pipeline/listen"
)

// NoiseReport is what `bench noise --json` prints.
type NoiseReport struct {
	Seconds    float64   `json:"seconds"`    // of noise
	Speed      float64   `json:"speed"`      // seconds of it that are heard in one
	Utterances int       `json:"utterances"` // that the voice detector took some of it for
	Written    int       `json:"written"`    // of which the recogniser wrote something
	Always     mistakes  `json:"always"`     // what would have been done
	Wake       mistakes  `json:"wake"`
	Heard      []Mishear `json:"heard"`
}

// mistakes are utterances without a word that would have been obeyed.
type mistakes struct {
	Phrases  int `json:"phrases"`
	Commands int `json:"commands"`
}

// A Mishear is what was written down of noise.
type Mishear struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// NoiseCmd is `deixis bench noise`.
type NoiseCmd struct {
	For  time.Duration `default:"1h" placeholder:"TIME" help:"So much noise."`
	JSON bool          `help:"Print JSON."`
	app.EarFlags
}

// Run measures what would be understood where nobody speaks.
func (c *NoiseCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if c.For <= 0 {
		return app.Usage(errors.New("--for must be above 0"))
	}
	by, err := g.OpenEars(ctx, c.EarFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	r := &NoiseReport{Seconds: c.For.Seconds(), Heard: []Mishear{}}
	from := noise.New(c.For)
	cut := listen.NewSegmenter(by.VAD, listen.DefaultSegmenting)
	pcm := make([]float32, listen.Chunk)
	began := time.Now()
	for {
		n, err := from.Read(ctx, pcm)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		us, err := cut.Push(pcm[:n])
		if err != nil {
			return err
		}
		for _, u := range us {
			if err := r.judge(ctx, by, u, from.Kind()); err != nil {
				return err
			}
		}
	}
	r.Speed = model.Round(r.Seconds/time.Since(began).Seconds(), 1)
	if c.JSON {
		return app.WriteJSON(g.Stdout, r)
	}
	return r.Print(g.Stdout)
}

// judge counts what one utterance would do.
func (r *NoiseReport) judge(ctx context.Context, by *app.Ears, u listen.Utterance, kind string) error {
	t, err := by.By.Transcribe(ctx, u.PCM)
	if err != nil {
		return err
	}
	if r.Utterances++; t.Text() == "" {
		return nil
	}
	r.Written++
	r.Heard = append(r.Heard, Mishear{kind, t.Text()})
	for mode, to := range map[listen.Mode]*mistakes{listen.Always: &r.Always, listen.Wake: &r.Wake} {
		switch m := listen.English.Understand(t.Text(), mode); {
		case m.Phrase != "":
			to.Phrases++
		case m.Command != "":
			to.Commands++
		}
	}
	return nil
}

// print writes the report for people.
func (r *NoiseReport) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%v of noise without a word, %.0f times as fast as it sounds: %d taken for speech, %d written down
would have been looked for or done: %d phrases and %d commands in mode always, %d and %d in mode wake
`, time.Duration(r.Seconds*float64(time.Second)), r.Speed, r.Utterances, r.Written, r.Always.Phrases, r.Always.Commands, r.Wake.Phrases, r.Wake.Commands)
	for _, h := range r.Heard {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-10s %s\n", h.Kind, h.Text)
		}
	}
	return err
}
