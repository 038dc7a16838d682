package bench

import (
	"fmt"
	"io"
	"slices"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
)

// SpeedReport is what `bench --json` prints. What could not be measured is null.
type SpeedReport struct {
	Source   string `json:"source"`
	Provider string `json:"provider"`
	FPS      struct {
		Line   float64  `json:"line"`   // the whole line without a window, answers a second
		Bare   float64  `json:"bare"`   // nothing but ONNX Runtime on the same graphs and pictures
		Python *float64 `json:"python"` // read, resize, run in Python
	} `json:"fps"`
	Ratio struct {
		LineBare   float64  `json:"line_bare"`
		LinePython *float64 `json:"line_python"`
	} `json:"ratio"`
	CPUMS struct {
		Line   float64  `json:"line"` // of all cores together, an answer; 0 where the system does not tell
		Bare   float64  `json:"bare"`
		Python *float64 `json:"python"`
	} `json:"cpu_ms"`
	PhraseMS phraseCost            `json:"phrase_ms"`
	StagesMS map[string]app.Spread `json:"stages_ms"`
	Allocs   float64               `json:"allocs_per_frame"` // of Go's heap, the whole line
}

func (b *bench) report() *SpeedReport {
	r := &SpeedReport{Source: b.ref.String(), Provider: b.by.Provider().Name, StagesMS: map[string]app.Spread{}}
	r.FPS.Line, r.FPS.Bare = median(b.line), median(b.bare)
	r.CPUMS.Line, r.CPUMS.Bare = median(b.lineCPU), median(b.bareCPU)
	r.Ratio.LineBare = model.Round(r.FPS.Line/r.FPS.Bare, 3)
	if len(b.pythonFPS) > 0 {
		p := median(b.pythonFPS)
		ratio := model.Round(r.FPS.Line/p, 3)
		cpu := median(b.pythonCPU)
		r.FPS.Python, r.Ratio.LinePython, r.CPUMS.Python = &p, &ratio, &cpu
	}
	for _, s := range pipeline.Stages() {
		if of := b.times.Of(s); of.N > 0 {
			r.StagesMS[s.String()] = app.SpreadFrom(of)
		}
	}
	r.Allocs = model.Round(float64(b.allocs)/float64(b.answered), 1)
	return r
}

func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	return model.Round((s[(len(s)-1)/2]+s[len(s)/2])/2, 3)
}

// newest is the newest of the numbers, for the log.
func newest(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	return model.Round(xs[len(xs)-1], 2)
}

// print writes the report for people.
func (r *SpeedReport) Print(w io.Writer) error {
	lines := []string{
		fmt.Sprintf("%s on %s", r.Source, r.Provider),
		fmt.Sprintf("line    %7.2f answers a second", r.FPS.Line),
		fmt.Sprintf("bare    %7.2f  ONNX Runtime alone; the line reaches %.2f of it", r.FPS.Bare, r.Ratio.LineBare),
	}
	if r.FPS.Python != nil {
		lines = append(lines, fmt.Sprintf("python  %7.2f  the loop in Python; the line is %.2f times as fast", *r.FPS.Python, *r.Ratio.LinePython))
	}
	if r.CPUMS.Line > 0 {
		costs := fmt.Sprintf("an answer costs %.1f ms of all cores together, the bare one %.1f", r.CPUMS.Line, r.CPUMS.Bare)
		if r.CPUMS.Python != nil {
			costs += fmt.Sprintf(", Python's %.1f", *r.CPUMS.Python)
		}
		lines = append(lines, costs)
	}
	if r.PhraseMS.One > 0 {
		lines = append(lines, fmt.Sprintf("one phrase takes %.1f ms with its picture, each further one %.1f", r.PhraseMS.One, r.PhraseMS.Further))
	}
	lines = append(lines, fmt.Sprintf("%-8s %8s %8s %8s  ms", "stage", "p50", "p95", "p99"))
	for _, s := range pipeline.Stages() {
		if of, ok := r.StagesMS[s.String()]; ok {
			lines = append(lines, fmt.Sprintf("%-8s %8.2f %8.2f %8.2f", s, of.P50, of.P95, of.P99))
		}
	}
	lines = append(lines, fmt.Sprintf("%.1f allocations a frame", r.Allocs))
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
