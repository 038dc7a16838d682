package web

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"deixis/pipeline"
)

// Output is how one output of the line is doing: the page itself, a recording,
// events or the like.
type Output struct {
	Name    string `json:"name"`
	Shown   uint64 `json:"shown"`   // frames
	Skipped uint64 `json:"skipped"` // frames that came while it was busy
	Errors  uint64 `json:"errors"`  // frames that it failed on
	Err     string `json:"err"`     // the newest error, in one line; "" for none
	Ended   bool   `json:"ended"`   // it gets no more frames
}

// outputs is how every output of the line is doing; never null in JSON.
func (s *Server) outputs() []Output {
	all := []Output{}
	for _, o := range s.o.Line.Outputs() {
		all = append(all, Output{
			Name: o.Name, Shown: o.Shown, Skipped: o.Skipped, Errors: o.Errors,
			Err: strings.Join(strings.Fields(o.Err), " "), Ended: o.Ended,
		})
	}
	return all
}

var outputDesc = prometheus.NewDesc("deixis_output_frames_total", "Frames of each output, by what came of them.", []string{"output", "result"}, nil)

// collectOutputs reads what the outputs count. Outputs of one name are one
// series: a series that came twice would make the whole answer an error.
func (s *Server) collectOutputs(to chan<- prometheus.Metric) {
	sums := map[string]pipeline.OutputStats{}
	for _, o := range s.o.Line.Outputs() {
		sum := sums[o.Name]
		sum.Shown, sum.Skipped, sum.Errors = sum.Shown+o.Shown, sum.Skipped+o.Skipped, sum.Errors+o.Errors
		sums[o.Name] = sum
	}
	for name, sum := range sums {
		for result, n := range map[string]uint64{"shown": sum.Shown, "skipped": sum.Skipped, "error": sum.Errors} {
			to <- prometheus.MustNewConstMetric(outputDesc, prometheus.CounterValue, float64(n), name, result)
		}
	}
}
