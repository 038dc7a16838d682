package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/overlay"
	"deixis/pipeline/record"
)

// CompareReport is what `bench compare --json` prints.
type CompareReport struct {
	Provider string     `json:"provider"`
	Sources  []Compared `json:"sources"`
}

// Compared is one source: what bench says of it, and what else is promised.
type Compared struct {
	SpeedReport
	// Fixed is the line against a loop of nothing but the network, where the
	// network is a stand-in that takes DelayMS and no CPU, as on a GPU.
	Fixed struct {
		DelayMS  float64 `json:"delay_ms"`
		LineBare float64 `json:"line_bare"`
	} `json:"fixed"`
	// Reader is the line that reads its source in a child process, against the same
	// line that decodes in its own process; 0 where the source is no recording.
	Reader struct {
		Child  float64 `json:"child"` // answers a second
		Within float64 `json:"within"`
		Ratio  float64 `json:"ratio"` // median of the rounds' ratios
	} `json:"reader"`
	// AgeMS is how old a picture is when its answer is first drawn, with the source
	// played at its own rate; Limit is 1.1 times the network and one frame of the source.
	AgeMS struct {
		Fresh app.Spread `json:"fresh"`
		Model float64    `json:"model"`
		Limit float64    `json:"limit"`
	} `json:"age_ms"`
}

// CompareCmd is `deixis bench compare`.
type CompareCmd struct{ speedFlags }

// Run measures the recordings made for it, or the source named.
func (c *CompareCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "deixis-bench-")
	if err != nil {
		return app.Output(fmt.Errorf("make folder for recordings: %w", err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	refs, err := c.recordings(ctx, dir)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, g)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.by.Close()) }()
	all := CompareReport{Provider: b.by.Provider().Name}
	for _, ref := range refs {
		one := &bench{Globals: g, by: b.by, ref: ref, phrase: b.phrase, parallel: b.parallel, long: b.long, python: b.python}
		r, err := c.compareOn(ctx, one)
		if err != nil {
			return err
		}
		all.Sources = append(all.Sources, r)
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, all)
	}
	for _, r := range all.Sources {
		if err := r.Print(g.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// recordings are the source named, or a small, a large and one of 4K in dir.
func (c *CompareCmd) recordings(ctx context.Context, dir string) ([]camera.Ref, error) {
	if c.Source != "" {
		ref, err := camera.Parse(c.Source)
		if err != nil {
			return nil, app.AsInput(err)
		}
		if ref.Live() {
			return nil, app.Usage(fmt.Errorf("compare %s: a live source sets the pace (name a recording, or nothing)", ref))
		}
		return []camera.Ref{ref}, nil
	}
	var refs []camera.Ref
	for _, size := range []string{"640x480", "1920x1080", "3840x2160"} {
		file := filepath.Join(dir, size+".mp4")
		if err := film(ctx, "pattern://"+size+"@30?frames=300", file); err != nil {
			return nil, err
		}
		ref, err := camera.Parse(file)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// film records a pattern.
func film(ctx context.Context, pattern, file string) (err error) {
	ref, err := camera.Parse(pattern)
	if err != nil {
		return err
	}
	r, err := record.New(file, record.Options{FPS: ref.FPS})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	l := line.New(line.Config{From: camera.NewPattern(ref), Outputs: []pipeline.Output{{Name: "recording", To: r, EveryFrame: true}}})
	return l.Recording(ctx)
}

func (c *CompareCmd) compareOn(ctx context.Context, b *bench) (r Compared, err error) {
	var ratios []float64
	var delay time.Duration
	for n := range c.Rounds {
		if err := b.round(ctx); err != nil {
			return r, err
		}
		if n == 0 {
			delay = b.fixedDelay()
		}
		ratio, err := b.fixed(ctx, delay)
		if err != nil {
			return r, err
		}
		ratios = append(ratios, ratio)
		b.Log.Info("round", "source", b.ref, "n", n+1, "of", c.Rounds, "line", newest(b.line), "bare", newest(b.bare), "python", newest(b.pythonFPS), "fixed", model.Round(ratio, 3))
	}
	r.SpeedReport = *b.report()
	if r.PhraseMS, err = b.phrases(ctx); err != nil {
		return r, err
	}
	r.Fixed.DelayMS, r.Fixed.LineBare = app.MS(delay), median(ratios)
	if b.ref.Kind == camera.File {
		if err := c.readers(ctx, b, &r); err != nil {
			return r, err
		}
	}
	times, interval, err := b.live(ctx)
	if err != nil {
		return r, err
	}
	fresh := times.Of(pipeline.StageFresh)
	r.AgeMS.Fresh = app.SpreadFrom(fresh)
	r.AgeMS.Model = app.MS(times.Of(pipeline.StageModel).P50)
	r.AgeMS.Limit = model.Round(1.1*r.AgeMS.Model+app.MS(interval), 1)
	return r, nil
}

// readersLong is how much longer each run with and without the child is than others:
// a child that has just begun reads ahead, which costs at first and never again.
const readersLong = 4

// readers runs the line with and without the child that reads, in turns; each round
// begins with the other one.
func (c *CompareCmd) readers(ctx context.Context, b *bench, r *Compared) error {
	var rates [2][]float64 // by NoReader: 0 in the child, 1 within
	for n := range c.Rounds {
		for i := range rates {
			within := (n+i)%2 == 1
			g := *b.Globals
			g.NoReader = within
			one := &bench{Globals: &g, by: b.by, ref: b.ref, phrase: b.phrase, parallel: b.parallel, long: readersLong * b.long}
			if err := one.runLine(ctx); err != nil {
				return fmt.Errorf("measure the reader: %w", err)
			}
			at := 0
			if within {
				at = 1
			}
			rates[at] = append(rates[at], one.line[0])
		}
	}
	var ratios []float64
	for n, child := range rates[0] {
		ratios = append(ratios, child/rates[1][n])
	}
	r.Reader.Child, r.Reader.Within, r.Reader.Ratio = median(rates[0]), median(rates[1]), median(ratios)
	return nil
}

// fixedDelay is how long the stand-in takes: as a GPU would, but longer than
// any other stage takes here, or it would not be what bounds the line.
func (b *bench) fixedDelay() time.Duration {
	slowest := max(b.times.Of(pipeline.StageCapture).P50, b.times.Of(pipeline.StageResize).P50)
	return max(25*time.Millisecond, 3*slowest).Round(time.Millisecond)
}

// fixed is the rate of the line with the stand-in over that of the stand-in alone.
func (b *bench) fixed(ctx context.Context, delay time.Duration) (float64, error) {
	by := &standIn{delay: delay, side: b.by.Bundle.Image.Size, square: b.by.Squarer.Square, ready: map[uint64]bool{}}
	other := &bench{Globals: b.Globals, ref: b.ref, phrase: b.phrase, parallel: b.parallel, long: b.long, network: by}
	if err := other.runLine(ctx); err != nil {
		return 0, fmt.Errorf("measure the line with a stand-in: %w", err)
	}
	began := time.Now()
	n := 0
	for ; time.Since(began) < b.long; n++ {
		if err := by.wait(ctx); err != nil {
			return 0, err
		}
	}
	return other.line[0] / (float64(n) / time.Since(began).Seconds()), nil
}

// live plays the source at its own rate, as a camera gives it.
func (b *bench) live(ctx context.Context) (_ *pipeline.Timings, interval time.Duration, err error) {
	src := &endless{ref: b.ref, log: b.Globals}
	defer func() { err = errors.Join(err, src.Close()) }()
	var f camera.Frame
	if err := src.Next(ctx, &f); err != nil {
		return nil, 0, err
	}
	rate := src.src.Info().FPS
	if rate <= 0 {
		rate = 30
	}
	interval = time.Duration(float64(time.Second) / rate)
	nothing := sinkFunc(func(*camera.Frame, []pipeline.View) error { return nil })
	l := line.New(line.Config{From: &metronome{from: src, every: interval}, By: b.by, Log: b.Log, Draw: (&overlay.Overlay{}).Draw, Window: nothing})
	l.SetPhrases([]model.Phrase{b.phrase})
	ctx, stop := context.WithTimeout(ctx, max(b.long, 20*b.times.Of(pipeline.StageModel).P50))
	defer stop()
	if err := l.Live(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, 0, fmt.Errorf("play %s: %w", b.ref, err)
	}
	if l.Timings().Of(pipeline.StageFresh).N == 0 {
		return nil, 0, fmt.Errorf("play %s: no answer in %v (give it more --seconds)", b.ref, b.long)
	}
	return l.Timings(), interval, nil
}

// print writes what bench says, and the rest, for people.
func (r *Compared) Print(w io.Writer) error {
	if err := r.SpeedReport.Print(w); err != nil {
		return err
	}
	if r.Reader.Ratio > 0 {
		if _, err := fmt.Fprintf(w, "read in a child process the line is %.3f times as fast as without\n", r.Reader.Ratio); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "with a stand-in of %.0f ms and no CPU for the network the line reaches %.3f of it alone\n"+
		"an answer is %.1f ms old when first drawn (p95 %.1f); 1.1 of the network's %.1f and a frame are %.1f\n\n",
		r.Fixed.DelayMS, r.Fixed.LineBare, r.AgeMS.Fresh.P50, r.AgeMS.Fresh.P95, r.AgeMS.Model, r.AgeMS.Limit)
	return err
}
