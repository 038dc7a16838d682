// Package bench measures: speed, lag, the lock, growth, speech and what noise is
// taken for. Each measurement is a subcommand of `deixis bench`.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deixis/cmd/deixis/internal/app"
)

// Cmd is `deixis bench`.
type Cmd struct {
	Speed    SpeedCmd    `cmd:"" default:"withargs" help:"The line against the bare ONNX Runtime loop and the same loop in Python."`
	Compare  CompareCmd  `cmd:"" help:"Speed on recordings of 640x480, 1080p and 4K made for it (or on SOURCE): with a stand-in for a network that leaves the CPU free, with and without the child process that reads, and how old an answer is when it is drawn."`
	Lag      LagCmd      `cmd:"" help:"How far a shown box lags behind what moves, carried and not: on rendered scenes, or on SOURCE with the network's own answers, or --truth, for the truth."`
	Lock     LockCmd     `cmd:"" help:"The rules of the lock against taking every answer as it is, on rendered scenes, or on SOURCE with --truth."`
	Annotate AnnotateCmd `cmd:"" help:"deixis annotate, as a program of its own, against ONNX Runtime alone with one and two lanes, and the loop in Python, on the same recording."`
	Tracks   TracksCmd   `cmd:"" help:"Tracks of whole recordings against answers as they are and the live lock, on rendered scenes, or on SOURCE with --truth."`
	Soak     SoakCmd     `cmd:"" help:"Run the live line for long, and fail where memory, goroutines or open files grow."`
	Speech   SpeechCmd   `cmd:"" help:"How often the right thing is boxed when phrases are spoken by other programs, against the same phrases typed."`
	Noise    NoiseCmd    `cmd:"" help:"How many phrases are understood in noise without a word."`
}

// playFlags say what is played and looked for.
type playFlags struct {
	Source  string  `arg:"" optional:"" placeholder:"SOURCE" help:"What to read: camera, file, stream or pattern. A recording or pattern with an end is read as fast as it goes."`
	JSON    bool    `help:"Print JSON."`
	Seconds float64 `default:"15" help:"How long each thing measured runs, together with its rounds."`
	Phrase  string  `default:"person on the left" help:"What to look for."`
}

// speedFlags are those of measurements in turns.
type speedFlags struct {
	playFlags
	Rounds   int    `default:"5" help:"What is Compared takes turns so many times; the median counts."`
	Parallel int    `default:"${parallel}" help:"How many frames of a recording the line answers at once."`
	Python   string `placeholder:"FILE" help:"Python with onnxruntime and opencv (default: .venv of the project)."`
}

func (c *speedFlags) validate() error {
	if c.Seconds <= 0 || c.Rounds < 1 || c.Parallel < 1 {
		return app.Usage(errors.New("--seconds, --rounds and --parallel must be above 0"))
	}
	return nil
}

// open loads the network and finds Python. The caller closes by.
func (c *speedFlags) open(ctx context.Context, g *app.Globals) (*bench, error) {
	b, err := c.playFlags.open(ctx, g)
	if err != nil {
		return nil, err
	}
	b.parallel, b.long = c.Parallel, time.Duration(c.Seconds/float64(c.Rounds)*float64(time.Second))
	if b.python, err = findPython(c.Python); err != nil {
		g.Log.Warn("python is not measured", "why", err)
	}
	return b, nil
}

// open loads the network. The caller closes by.
func (c *playFlags) open(ctx context.Context, g *app.Globals) (*bench, error) {
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return nil, err
	}
	ps, err := by.Phrases([]string{c.Phrase})
	if err != nil {
		return nil, errors.Join(err, by.Close())
	}
	return &bench{Globals: g, by: by, phrase: ps[0]}, nil
}

// trialFlags are those of measurements whose truth is known.
type trialFlags struct {
	playFlags
	Truth   string  `placeholder:"FILE" help:"JSON with the boxes that somebody saw in SOURCE."`
	Answers float64 `default:"10" help:"Answers a second."`
}

func (c *trialFlags) validate() error {
	switch {
	case c.Answers <= 0 || c.Seconds <= 0:
		return app.Usage(errors.New("--answers and --seconds must be above 0"))
	case c.Truth != "" && c.Source == "":
		return app.Usage(fmt.Errorf("--truth %s: of which recording? (name a SOURCE)", c.Truth))
	}
	return nil
}
