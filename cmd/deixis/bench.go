package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

// benchCmd is `deixis bench`.
type benchCmd struct {
	Source   string        `arg:"" optional:"" placeholder:"SOURCE" help:"What to read: camera, file, stream or pattern (default: pattern://1280x720?frames=300). A recording or pattern with an end is read as fast as it goes."`
	JSON     bool          `help:"Print JSON."`
	Seconds  float64       `default:"15" help:"How long each of the three runs, together with its rounds."`
	Phrase   string        `default:"person on the left" help:"What to look for."`
	Rounds   int           `default:"5" help:"The three take turns so many times; the median counts."`
	Compare  bool          `help:"Compare on a 640x480 and a 1080p recording made for it (or on SOURCE): the line with the bare runtime, with Python, and with a stand-in for a network that leaves the CPU free; and how old an answer is when it is drawn."`
	Lag      bool          `help:"Measure instead how far a shown box lags behind what moves, carried and not: on rendered scenes, or on SOURCE with the network's own answers, or --truth, for the truth."`
	Lock     bool          `help:"Measure instead the rules of the lock against taking every answer as it is, on rendered scenes, or on SOURCE with --truth."`
	Truth    string        `placeholder:"FILE" help:"With --lag and --lock: JSON with the boxes that somebody saw in SOURCE."`
	Soak     time.Duration `placeholder:"TIME" help:"Run the live line so long instead, such as 30m, and fail where memory, goroutines or open files grow."`
	Parallel int           `default:"${parallel}" help:"How many frames of a recording the line answers at once."`
	Answers  float64       `default:"10" help:"With --lag and --lock: answers a second."`
	spokenArgs
	Python string `placeholder:"FILE" help:"Python with onnxruntime and opencv (default: .venv of the project)."`
}

// Run measures the line, the bare runtime and Python in turns, so that what
// else the machine does falls on all of them alike.
func (c *benchCmd) Run(ctx context.Context, g *globals) (err error) {
	if c.Soak < 0 {
		return &usageError{errors.New("--soak must be above 0")}
	}
	if c.Seconds <= 0 || c.Rounds < 1 || c.Parallel < 1 {
		return &usageError{errors.New("--seconds, --rounds and --parallel must be above 0")}
	}
	switch {
	case c.Lag && c.Compare, c.Lag && c.Lock, c.Lock && c.Compare:
		return &usageError{errors.New("--lag, --lock and --compare: one at a time")}
	case c.Truth != "" && (c.Source == "" || !c.Lag && !c.Lock):
		return &usageError{errors.New("--truth FILE is of a SOURCE, and for --lag or --lock")}
	case c.Lock:
		return c.lock(ctx, g)
	case c.Spoken == "" && c.Live, !c.Live && c.Sink != "":
		return &usageError{errors.New("--live needs --spoken, and --sink needs --live")}
	case c.Noise < 0:
		return &usageError{errors.New("--noise must be above 0")}
	case c.Noise > 0:
		return c.noise(ctx, g)
	case c.Spoken != "":
		return c.spoken(ctx, g)
	case c.Soak != 0:
		return c.soak(ctx, g)
	case c.Lag:
		return c.lag(ctx, g)
	case c.Compare:
		return c.compare(ctx, g)
	}
	ref, err := camera.Parse(cmp.Or(c.Source, "pattern://1280x720?frames=300"))
	if err != nil {
		return asInput(err)
	}
	b, err := c.open(ctx, g)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.by.Close()) }()
	if b.ref = ref; ref.Live() {
		g.Log.Warn("a live source sets the pace: the line cannot be faster than it")
	}
	for round := range c.Rounds {
		if err := b.round(ctx); err != nil {
			return err
		}
		g.Log.Info("round", "n", round+1, "of", c.Rounds, "line", round2(b.line), "bare", round2(b.bare), "python", round2(b.pythonFPS))
	}
	r := b.report()
	if r.PhraseMS, err = b.phrases(ctx); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(g.Stdout, r)
	}
	return r.print(g.Stdout)
}

// open loads the network and finds Python. The caller closes by.
func (c *benchCmd) open(ctx context.Context, g *globals) (_ *bench, err error) {
	by, err := g.openGrounder(ctx, wants{})
	if err != nil {
		return nil, err
	}
	ps, err := by.Phrases([]string{c.Phrase})
	if err != nil {
		return nil, errors.Join(err, by.Close())
	}
	b := &bench{globals: g, by: by, phrase: ps[0], parallel: c.Parallel, long: time.Duration(c.Seconds / float64(c.Rounds) * float64(time.Second))}
	if b.python, err = findPython(c.Python); err != nil {
		g.Log.Warn("python is not measured", "why", err)
	}
	return b, nil
}

// bench is one measurement in progress. Its lists have a number a round.
type bench struct {
	*globals
	by       *grounder
	network  pipeline.Grounder // in place of by, where it is not nil
	ref      camera.Ref
	phrase   model.Phrase
	parallel int           // frames of a recording answered at once
	long     time.Duration // of one of the three in one round
	python   *python       // nil when there is none

	line, bare, pythonFPS       []float64         // a second
	lineCPU, bareCPU, pythonCPU []float64         // ms of all cores together, an answer
	times                       *pipeline.Timings // of the last round
	allocs, answered            uint64
}

func (b *bench) round(ctx context.Context) error {
	if err := b.runLine(ctx); err != nil {
		return fmt.Errorf("measure the line: %w", err)
	}
	squares, err := b.squares(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", b.ref, err)
	}
	busy := cpuTime()
	n, took, err := b.by.Grounder().GraphsOnly(ctx, squares, b.phrase, b.long)
	if err != nil {
		return fmt.Errorf("measure ONNX Runtime: %w", err)
	}
	b.bareCPU = append(b.bareCPU, inMS(cpuTime()-busy)/float64(n))
	b.bare = append(b.bare, float64(n)/took.Seconds())
	if b.python == nil {
		return nil
	}
	fps, cpu, err := b.python.loop(ctx, b, max(10, int(b.line[len(b.line)-1]*b.long.Seconds())))
	if err != nil {
		b.Log.Warn("python is not measured", "why", err)
		b.python, b.pythonFPS = nil, nil
		return nil
	}
	b.pythonFPS, b.pythonCPU = append(b.pythonFPS, fps), append(b.pythonCPU, cpu)
	return nil
}

// runLine runs the product's own line with no sink: the newest frame wins from
// a live source, every frame counts from any other.
func (b *bench) runLine(ctx context.Context) (err error) {
	src := &endless{ref: b.ref, log: b.globals}
	defer func() { err = errors.Join(err, src.Close()) }()
	by := b.network
	if by == nil {
		by = b.by
	}
	l := line.New(line.Config{From: &limited{from: src, long: b.long}, By: by, Log: b.Log, Parallel: b.parallel})
	l.SetPhrases([]model.Phrase{b.phrase})
	var first camera.Frame
	if err := src.Next(ctx, &first); err != nil { // opening the source is not measured
		return err
	}
	if _, err := by.Ground(ctx, &first, []model.Phrase{b.phrase}); err != nil {
		return err
	}
	run := l.Recording
	if b.ref.Live() {
		run = l.Live
	}
	before := mallocs()
	busy, began := cpuTime(), time.Now()
	if err := run(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	b.allocs += mallocs() - before
	n := l.Stats().Answered
	if n == 0 {
		return fmt.Errorf("no answer in %v (give it more --seconds)", b.long)
	}
	b.answered += n
	b.lineCPU = append(b.lineCPU, inMS(cpuTime()-busy)/float64(n))
	b.line = append(b.line, float64(n)/took.Seconds())
	b.times = l.Timings()
	return nil
}

// mallocs counts all allocations on Go's heap so far.
func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// squares are the first frames as the network sees them.
func (b *bench) squares(ctx context.Context) (_ [][]byte, err error) {
	src := &endless{ref: b.ref, log: b.globals}
	defer func() { err = errors.Join(err, src.Close()) }()
	side := b.by.Bundle.Image.Size
	squares := make([][]byte, 16)
	var f camera.Frame
	for i := range squares {
		if err := src.Next(ctx, &f); err != nil {
			return nil, err
		}
		squares[i] = make([]byte, 3*side*side)
		if err := b.by.squarer.Square(&f, side, squares[i]); err != nil {
			return nil, err
		}
	}
	return squares, nil
}
