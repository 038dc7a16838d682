package web

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"deixis/pipeline"
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
	for _, reason := range []string{"host", "origin", "token", "rate", "connections", "silent", "watchers"} {
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
