package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"deixis/pipeline"
	"deixis/pipeline/web/guard"
)

// counters are what the server knows of itself.
type counters struct {
	registry    *prometheus.Registry
	refused     *prometheus.CounterVec // by reason
	dropped     *prometheus.CounterVec // watchers that read too slowly, by what they watched
	skipped     *prometheus.CounterVec // pictures and statuses that a watcher missed
	watchers    *prometheus.GaugeVec
	connections prometheus.Gauge
	corrections prometheus.Counter
}

func newCounters() *counters {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "deixis", Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts(opts(name, help)) }
	c := &counters{
		registry:    prometheus.NewRegistry(),
		refused:     prometheus.NewCounterVec(opts("http_refused_total", "Requests and connections refused."), []string{"reason"}),
		dropped:     prometheus.NewCounterVec(opts("http_watchers_dropped_total", "Watchers dropped because they read too slowly."), []string{"what"}),
		skipped:     prometheus.NewCounterVec(opts("http_watchers_skipped_total", "Pictures and events that a busy watcher missed."), []string{"what"}),
		watchers:    prometheus.NewGaugeVec(gauge("http_watchers", "Watchers at the moment, and the page that speaks."), []string{"what"}),
		connections: prometheus.NewGauge(gauge("http_connections", "Connections at the moment.")),
		corrections: prometheus.NewCounter(opts("corrections_total", "Corrections saved.")),
	}
	c.registry.MustRegister(c.refused, c.dropped, c.skipped, c.watchers, c.connections, c.corrections,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, reason := range append(guard.Reasons(), "watchers", "speech") {
		c.refused.WithLabelValues(reason) // told as 0 from the start
	}
	for _, what := range []string{"stream", "events"} {
		c.dropped.WithLabelValues(what)
		c.skipped.WithLabelValues(what)
		c.watchers.WithLabelValues(what)
	}
	c.watchers.WithLabelValues("microphone")
	return c
}

// watching counts a watcher until the function it returns is called.
func (c *counters) watching(what string) (leave func()) {
	g := c.watchers.WithLabelValues(what)
	g.Inc()
	return g.Dec
}

// The line's own numbers, read when somebody asks.
var (
	capturedDesc = prometheus.NewDesc("deixis_frames_captured_total", "Frames read from the source.", nil, nil)
	answeredDesc = prometheus.NewDesc("deixis_frames_answered_total", "Frames that the network has answered.", nil, nil)
	shownDesc    = prometheus.NewDesc("deixis_frames_shown_total", "Frames shown.", nil, nil)
	skippedDesc  = prometheus.NewDesc("deixis_frames_skipped_total", "Frames that came while the network was busy.", nil, nil)
	stageDesc    = prometheus.NewDesc("deixis_stage_duration_seconds", "What a stage took.", []string{"stage"}, nil)
	upDesc       = prometheus.NewDesc("deixis_source_up", "1 while the source gives pictures.", nil, nil)
	aboutDesc    = prometheus.NewDesc("deixis_build_info", "What runs.", []string{"version", "bundle", "provider", "precision"}, nil)
)

// Describe makes the server a prometheus.Collector.
func (s *Server) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect reads the line's numbers.
func (s *Server) Collect(to chan<- prometheus.Metric) {
	n := s.o.Line.Stats()
	for desc, v := range map[*prometheus.Desc]uint64{capturedDesc: n.Captured, answeredDesc: n.Answered, shownDesc: n.Shown, skippedDesc: n.Skipped} {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(v))
	}
	for _, stage := range pipeline.Stages() {
		to <- histogram(stageDesc, s.o.Line.Histogram(stage), stage.String())
	}
	s.collectOutputs(to)
	s.collectVoice(to)
	up := 0.0
	if state := s.camera(time.Now()); state == live || state == paused {
		up = 1
	}
	to <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up)
	if s.o.About != nil {
		a := s.o.About()
		to <- prometheus.MustNewConstMetric(aboutDesc, prometheus.GaugeValue, 1, a.Version, a.Bundle, a.Provider.Name, a.Provider.Precision)
	}
}

// metrics answers in Prometheus' text format.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	promhttp.HandlerFor(s.count.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

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
