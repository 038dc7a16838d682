package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/event"
	"deixis/pipeline/line"
	"deixis/pipeline/overlay"
)

// errGrows says that a soak found something that grows.
var errGrows = errors.New("something grows")

// SoakReport is what `bench soak --json` prints.
type SoakReport struct {
	Source  string     `json:"source"`
	Seconds float64    `json:"seconds"`
	Frames  uint64     `json:"frames"`
	Answers uint64     `json:"answers"`
	Early   soakSample `json:"early"` // median of the second quarter, when everything is warm
	Late    soakSample `json:"late"`  // median of the last
	Growing []string   `json:"growing"`
}

// A soakSample is what the program holds at a moment.
type soakSample struct {
	HeapMB     float64 `json:"heap_mb"`     // live after a collection
	ResidentMB float64 `json:"resident_mb"` // of the whole process; 0 where the system does not tell
	Goroutines float64 `json:"goroutines"`
	Files      float64 `json:"files"` // open; 0 where the system does not tell
}

// soakSamples is how many are taken over the run.
const soakSamples = 40

// What may come and go without being a leak.
const (
	heapSlack     = 4.0  // MB
	residentSlack = 48.0 // MB: allocators of C give back late
	countSlack    = 2.0  // goroutines, files
)

// SoakCmd is `deixis bench soak`.
type SoakCmd struct {
	playFlags
	For time.Duration `default:"30m" placeholder:"TIME" help:"How long it runs."`
}

// Run runs the live line on the source for as long as --for says, with
// overlay and events, and looks for growth.
func (c *SoakCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if c.For <= 0 {
		return app.Usage(errors.New("--for must be above 0"))
	}
	ref, err := camera.Parse(cmp.Or(c.Source, "pattern://640x480@30"))
	if err != nil {
		return app.AsInput(err)
	}
	b, err := c.open(ctx, g)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.by.Close()) }()
	src := &endless{ref: ref, log: g}
	defer func() { err = errors.Join(err, src.Close()) }()
	var from pipeline.Source = &metronome{from: src, every: time.Second / 30}
	if ref.Live() {
		from = src
	}
	l := line.New(line.Config{
		From: from, By: b.by, Log: g.Log, Draw: (&overlay.Overlay{ShowAge: true}).Draw,
		Window: sinkFunc(func(*camera.Frame, []pipeline.View) error { return nil }),
		Outputs: []pipeline.Output{
			{Name: "events", To: &event.Writer{W: io.Discard, Source: ref.String()}, Needs: pipeline.NoPixels},
			{Name: "jpeg", To: sinkFunc(func(f *camera.Frame, _ []pipeline.View) error {
				_, err := opencv.EncodeJPEG(f, 80)
				return err
			}), Needs: pipeline.Undrawn},
		},
	})
	l.SetPhrases([]model.Phrase{b.phrase})
	r := SoakReport{Source: ref.String(), Seconds: c.For.Seconds()}
	ctx, stop := context.WithTimeout(ctx, c.For)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- l.Live(ctx) }()
	samples := c.sample(ctx, g, l)
	if err := <-ended; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if len(samples) < 4 {
		return fmt.Errorf("soak: %d samples in %v tell nothing (give it longer)", len(samples), c.For)
	}
	n := l.Stats()
	r.Frames, r.Answers = n.Captured, n.Answered
	quarter := len(samples) / 4
	r.Early, r.Late = middleOf(samples[quarter:2*quarter]), middleOf(samples[len(samples)-quarter:])
	r.Growing = r.Grown()
	if c.JSON {
		err = app.WriteJSON(g.Stdout, r)
	} else {
		err = r.Print(g.Stdout)
	}
	if err == nil && len(r.Growing) > 0 {
		err = fmt.Errorf("soak: %w: %s", errGrows, strings.Join(r.Growing, ", "))
	}
	return err
}

// sample looks at what the program holds until ctx ends.
func (c *SoakCmd) sample(ctx context.Context, g *app.Globals, l *line.Line) (all []soakSample) {
	tick := time.NewTicker(max(c.For/soakSamples, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all
		}
		s := holds()
		all = append(all, s)
		g.Log.Debug("soak", "heap_mb", s.HeapMB, "resident_mb", s.ResidentMB, "goroutines", s.Goroutines, "files", s.Files, "answers", l.Stats().Answered)
	}
}

// holds is what the program holds now.
func holds() soakSample {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := soakSample{HeapMB: model.Round(float64(m.HeapAlloc)/1e6, 2), Goroutines: float64(runtime.NumGoroutine())}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.Files = float64(len(files))
	}
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(raw)); len(fields) > 1 {
			pages, _ := strconv.ParseFloat(fields[1], 64)
			s.ResidentMB = model.Round(pages*float64(os.Getpagesize())/1e6, 1)
		}
	}
	return s
}

// middleOf is the median of each number.
func middleOf(samples []soakSample) soakSample {
	of := func(get func(s soakSample) float64) float64 {
		var xs []float64
		for _, s := range samples {
			xs = append(xs, get(s))
		}
		return median(xs)
	}
	return soakSample{
		HeapMB: of(func(s soakSample) float64 { return s.HeapMB }), ResidentMB: of(func(s soakSample) float64 { return s.ResidentMB }),
		Goroutines: of(func(s soakSample) float64 { return s.Goroutines }), Files: of(func(s soakSample) float64 { return s.Files }),
	}
}

// Grown names what is more at the end than at the beginning.
func (r *SoakReport) Grown() []string {
	what := []string{}
	for name, tt := range map[string][3]float64{
		"heap": {r.Early.HeapMB, r.Late.HeapMB, heapSlack}, "resident memory": {r.Early.ResidentMB, r.Late.ResidentMB, residentSlack},
		"goroutines": {r.Early.Goroutines, r.Late.Goroutines, countSlack}, "open files": {r.Early.Files, r.Late.Files, countSlack},
	} {
		if tt[1] > tt[0]+tt[2] {
			what = append(what, fmt.Sprintf("%s from %g to %g", name, tt[0], tt[1]))
		}
	}
	slices.Sort(what)
	return what
}

func (r *SoakReport) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s for %.0f s: %d frames, %d answers\n%-6s %9s %12s %11s %6s\n", r.Source, r.Seconds, r.Frames, r.Answers, "", "heap MB", "resident MB", "goroutines", "files")
	for _, row := range []struct {
		name string
		soakSample
	}{{"early", r.Early}, {"late", r.Late}} {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-6s %9.2f %12.1f %11.0f %6.0f\n", row.name, row.HeapMB, row.ResidentMB, row.Goroutines, row.Files)
		}
	}
	if err == nil && len(r.Growing) == 0 {
		_, err = fmt.Fprintln(w, "nothing grows")
	}
	return err
}
