package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// AnnotateReport is what `bench annotate --json` prints. Ratios are medians of the
// rounds' ratios: what else the machine does falls on both sides of one.
type AnnotateReport struct {
	Source   string `json:"source"`
	Provider string `json:"provider"`
	Format   string `json:"format"`
	FPS      struct {
		Annotate float64  `json:"annotate"` // from opening the recording until its results are written, frames a second
		Bare     float64  `json:"bare"`     // nothing but ONNX Runtime, one frame after the other
		Lanes    float64  `json:"lanes"`    // the same, two frames at once
		Python   *float64 `json:"python"`   // read, resize, run in Python
	} `json:"fps"`
	Ratio struct {
		Bare   float64  `json:"bare"`
		Lanes  float64  `json:"lanes"`
		Python *float64 `json:"python"`
	} `json:"ratio"`
}

// AnnotateCmd is `deixis bench annotate`.
type AnnotateCmd struct {
	speedFlags
	Format string `default:"jsonl" help:"What annotate writes."`
}

// Run measures the program itself, on a recording made for it or on the one named.
func (c *AnnotateCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "deixis-bench-")
	if err != nil {
		return app.Output(fmt.Errorf("make folder for recordings: %w", err))
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := c.Source
	if file == "" {
		file = filepath.Join(dir, "640x480.mp4")
		frames := max(60, int(c.Seconds/float64(c.Rounds)*30))
		if err := film(ctx, fmt.Sprintf("pattern://640x480@30?frames=%d", frames), file); err != nil {
			return err
		}
	}
	ref, err := camera.Parse(file)
	switch {
	case err != nil:
		return app.AsInput(err)
	case ref.Kind != camera.File:
		return app.Usage(fmt.Errorf("bench annotate %s: name a video file, or nothing", ref))
	}
	b, err := c.open(ctx, g)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.by.Close()) }()
	b.ref = ref
	r, err := c.measure(ctx, b, dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, r)
	}
	return r.Print(g.Stdout)
}

func (c *AnnotateCmd) measure(ctx context.Context, b *bench, dir string) (*AnnotateReport, error) {
	r := &AnnotateReport{Source: b.ref.String(), Provider: b.by.Provider().Name, Format: c.Format}
	var fps, bare, lanes, python, toBare, toLanes, toPython []float64
	squares, err := b.squares(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", b.ref, err)
	}
	for n := range c.Rounds {
		one, frames, err := c.annotate(ctx, b, filepath.Join(dir, strconv.Itoa(n)))
		if err != nil {
			return nil, fmt.Errorf("run deixis annotate: %w", err)
		}
		alone, err := b.alone(ctx, squares, 1)
		if err != nil {
			return nil, err
		}
		two, err := b.alone(ctx, squares, 2)
		if err != nil {
			return nil, err
		}
		fps, bare, lanes = append(fps, one), append(bare, alone), append(lanes, two)
		toBare, toLanes = append(toBare, one/alone), append(toLanes, one/two)
		if b.python != nil {
			loop, _, err := b.python.loop(ctx, b, frames)
			if err != nil {
				return nil, err
			}
			python, toPython = append(python, loop), append(toPython, one/loop)
		}
		b.Log.Info("round", "n", n+1, "of", c.Rounds, "annotate", newest(fps), "bare", newest(bare), "lanes", newest(lanes), "python", newest(python))
	}
	r.FPS.Annotate, r.FPS.Bare, r.FPS.Lanes = median(fps), median(bare), median(lanes)
	r.Ratio.Bare, r.Ratio.Lanes = median(toBare), median(toLanes)
	if len(python) > 0 {
		p, ratio := median(python), median(toPython)
		r.FPS.Python, r.Ratio.Python = &p, &ratio
	}
	return r, nil
}

// annotate runs the program once, and is what it says of its frames a second.
func (c *AnnotateCmd) annotate(ctx context.Context, b *bench, out string) (fps float64, frames int, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	var said, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, exe, "annotate", b.ref.URI, "--phrase", c.Phrase, "--format", c.Format, "--out", out, "--json", "--log-level", "error",
		"--bundle", b.by.Bundle.Dir, "--provider", b.by.Provider().Name, "--threads", strconv.Itoa(b.Threads))
	if b.OrtLibrary != "" {
		cmd.Args = append(cmd.Args, "--ort-library", b.OrtLibrary)
	}
	cmd.Stdout, cmd.Stderr = &said, &errs
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	var told struct {
		Inputs []struct {
			Frames int
			FPS    float64
		}
	}
	if err := json.Unmarshal(said.Bytes(), &told); err != nil || len(told.Inputs) != 1 || told.Inputs[0].FPS <= 0 {
		return 0, 0, fmt.Errorf("it said %q, not its frames a second", said.String())
	}
	return told.Inputs[0].FPS, told.Inputs[0].Frames, nil
}

// alone is the rate of ONNX Runtime with nothing beside it, so many frames at once.
func (b *bench) alone(ctx context.Context, squares [][]byte, lanes int) (float64, error) {
	rates := make([]float64, lanes)
	var all errgroup.Group
	for i := range lanes {
		all.Go(func() error {
			n, took, err := b.by.Grounder().GraphsOnly(ctx, squares, b.phrase, b.long)
			if err == nil {
				rates[i] = float64(n) / max(took, time.Millisecond).Seconds()
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return 0, fmt.Errorf("measure ONNX Runtime: %w", err)
	}
	var sum float64
	for _, r := range rates {
		sum += r
	}
	return model.Round(sum, 3), nil
}

// Print writes the report for people.
func (r *AnnotateReport) Print(w io.Writer) error {
	lines := []string{
		fmt.Sprintf("%s into %s on %s", r.Source, r.Format, r.Provider),
		fmt.Sprintf("annotate %7.2f frames a second, all in all", r.FPS.Annotate),
		fmt.Sprintf("bare     %7.2f  ONNX Runtime alone, one frame after the other; annotate reaches %.3f of it", r.FPS.Bare, r.Ratio.Bare),
		fmt.Sprintf("lanes    %7.2f  two frames at once; annotate reaches %.3f of it", r.FPS.Lanes, r.Ratio.Lanes),
	}
	if r.FPS.Python != nil {
		lines = append(lines, fmt.Sprintf("python   %7.2f  the loop in Python; annotate is %.3f times as fast", *r.FPS.Python, *r.Ratio.Python))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
