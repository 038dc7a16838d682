package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

// SpeedCmd is `deixis bench speed`.
type SpeedCmd struct{ speedFlags }

// Run measures the line, the bare runtime and Python in turns, so that what else the
// machine does falls on all of them alike.
func (c *SpeedCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	ref, err := camera.Parse(cmp.Or(c.Source, "pattern://1280x720?frames=300"))
	if err != nil {
		return app.AsInput(err)
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
		g.Log.Info("round", "n", round+1, "of", c.Rounds, "line", newest(b.line), "bare", newest(b.bare), "python", newest(b.pythonFPS))
	}
	r := b.report()
	if r.PhraseMS, err = b.phrases(ctx); err != nil {
		return err
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, r)
	}
	return r.Print(g.Stdout)
}

// bench is one measurement in progress. Its lists have a number a round.
type bench struct {
	*app.Globals
	by       *app.Network
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
	b.bareCPU = append(b.bareCPU, app.MS(cpuTime()-busy)/float64(n))
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
	src := &endless{ref: b.ref, log: b.Globals}
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
	if err := src.Close(); err != nil { // the time of a child counts once it has ended
		return err
	}
	b.lineCPU = append(b.lineCPU, app.MS(cpuTime()-busy)/float64(n))
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
	src := &endless{ref: b.ref, log: b.Globals}
	defer func() { err = errors.Join(err, src.Close()) }()
	side := b.by.Bundle.Image.Size
	squares := make([][]byte, 16)
	var f camera.Frame
	for i := range squares {
		if err := src.Next(ctx, &f); err != nil {
			return nil, err
		}
		squares[i] = make([]byte, 3*side*side)
		if err := b.by.Squarer.Square(&f, side, squares[i]); err != nil {
			return nil, err
		}
	}
	return squares, nil
}
