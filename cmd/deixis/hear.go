package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/listen"
	"deixis/pipeline/listen/mic"
)

// hearCmd is `deixis hear`.
type hearCmd struct {
	Sounds []string `arg:"" optional:"" name:"wav" help:"WAV files, or folders of them; mic, or mic:NAME for one whose name has that part; - is raw sound on standard input: s16le, one channel, 16 kHz."`
	JSON   bool     `help:"Print a JSON line an utterance."`
	Whole  bool     `help:"Take each file as one utterance (of up to 12 seconds), without looking for speech in it."`
	Truth  string   `placeholder:"FILE" help:"What is said in which file, a line each: its name, a tab or space, the words. Prints the word error rate."`
	app.EarFlags
}

// heard is one line of `hear --json`.
type heard struct {
	Source string    `json:"source"`
	Start  float64   `json:"start"` // seconds of the sound
	End    float64   `json:"end"`
	Text   string    `json:"text"` // "" nothing understood
	NBest  []reading `json:"nbest"`
	Fault  string    `json:"fault"` // what is wrong with the sound; "" nothing
	TookMS float64   `json:"took_ms"`
}

// reading is one way to read an utterance.
type reading struct {
	Text    string  `json:"text"`
	LogProb float64 `json:"logprob"`
}

// Run prints what is said, one line an utterance.
func (c *hearCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	sounds, err := c.sounds()
	if err != nil {
		return err
	}
	said, err := readTruth(c.Truth)
	if err != nil {
		return err
	}
	by, err := g.OpenEars(ctx, c.EarFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	var s score
	for _, name := range sounds {
		texts, err := c.hear(ctx, g, by, name, len(sounds) > 1, &s)
		if err != nil {
			return err
		}
		if said != nil {
			if err := s.judge(said, name, texts); err != nil {
				return err
			}
		}
	}
	if said == nil {
		return nil
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, s.figures())
	}
	return s.print(g.Stdout)
}

// sounds are the files that the arguments name.
func (c *hearCmd) sounds() ([]string, error) {
	var all []string
	for _, s := range c.Sounds {
		inside, err := filepath.Glob(filepath.Join(s, "*.wav"))
		if err != nil || len(inside) == 0 {
			inside = []string{s}
		}
		all = append(all, inside...)
	}
	if len(all) == 0 {
		return nil, app.Usage(errors.New("hear: no sound is named (give WAV files, mic, or - for raw sound on standard input)"))
	}
	return all, nil
}

// hear prints every utterance of one sound and returns their texts.
func (c *hearCmd) hear(ctx context.Context, g *app.Globals, by *app.Ears, name string, several bool, s *score) (texts []string, err error) {
	from, err := openSound(g, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	by.VAD.Reset()
	cut := listen.NewSegmenter(by.VAD, listen.DefaultSegmenting)
	if c.Whole {
		cut.Begin()
	}
	pcm := make([]float32, listen.Chunk)
	for {
		n, err := from.Read(ctx, pcm)
		_, live := from.(*mic.Mic)
		if live && ctx.Err() != nil { // Ctrl-C is how a microphone ends
			err = io.EOF
		}
		if ctx.Err() != nil && !live {
			return texts, ctx.Err()
		}
		lost, over := err, err != nil // what was said before is written down in any case
		us, err := cut.Push(pcm[:n])
		if err != nil {
			return texts, err
		}
		if over {
			if u, ok := cut.Flush(); ok {
				us = append(us, u)
			}
		}
		for _, u := range us {
			t, err := by.By.Transcribe(ctx, u.PCM)
			if err != nil {
				return texts, err
			}
			texts = append(texts, t.Text())
			s.took(t)
			if err := c.print(g.Stdout, name, several, u, t); err != nil {
				return texts, err
			}
		}
		switch {
		case errors.Is(lost, io.EOF):
			return texts, nil
		case over:
			return texts, lost
		}
	}
}

// openSound is a file as fast as it can be read, standard input, or a microphone.
func openSound(g *app.Globals, name string) (listen.Source, error) {
	part, named := strings.CutPrefix(name, "mic:")
	switch {
	case name == "-":
		return listen.NewRaw(g.Stdin), nil
	case named || name == "mic":
		if !named {
			part = ""
		}
		return mic.Open(mic.Options{Device: part, Log: g.Log}), nil
	}
	return listen.OpenFile(name, false)
}

func (c *hearCmd) print(w io.Writer, name string, several bool, u listen.Utterance, t listen.Transcript) error {
	if c.JSON {
		h := heard{
			Source: name, Start: u.Start.Seconds(), End: u.End.Seconds(), Text: t.Text(),
			NBest: []reading{}, Fault: string(u.Level.Fault()), TookMS: app.MS(t.Took),
		}
		for _, r := range t.NBest {
			h.NBest = append(h.NBest, reading(r))
		}
		return app.WriteJSON(w, h)
	}
	text := t.Text()
	if text == "" {
		text = "(no words)"
	}
	if f := u.Level.Fault(); f != listen.Fine {
		text += " [" + string(f) + "]"
	}
	if several {
		text = filepath.Base(name) + "  " + text
	}
	_, err := fmt.Fprintf(w, "%s - %s  %s\n", clock(u.Start), clock(u.End), text)
	return err
}

// clock is a time as minutes and seconds.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%04.1f", int(d.Minutes()), (d % time.Minute).Seconds())
}
