package web

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"deixis/pipeline"
)

// A Voice says what to look for by speech. Every method may be called from any
// goroutine.
type Voice interface {
	Status() pipeline.Speech
	Tally() pipeline.SpeechTally
	// Press says that the button to talk is held, or let go.
	Press(on bool)
	// Toggle presses a button that is not held, and lets go one that is, at once.
	Toggle()
	// Hear takes what a WAV file says, as if it had been said while the button was
	// held, and does it.
	Hear(ctx context.Context, wav []byte) (pipeline.Said, error)
	// Connect lets a page's microphone speak in place of the program's own. Its error
	// says why not, such as that another page's does.
	Connect() (Microphone, error)
}

// A Microphone takes sound until it leaves: samples of signed 16 bits,
// little-endian, one channel, 16000 a second.
type Microphone interface {
	Put(ctx context.Context, raw []byte) error
	Leave()
}

// listens says whether anybody does, or answers that nobody does.
func (s *Server) listens(w http.ResponseWriter) bool {
	if s.o.Voice == nil {
		refuse(w, http.StatusConflict, "nobody listens in this run (start it with --listen)")
	}
	return s.o.Voice != nil
}

// talk holds the button to talk, or lets it go.
func (s *Server) talk(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Do string `json:"do"`
	}
	const like = `{"do": "begin"}`
	if !s.listens(w) || !take(w, r, &body, like) {
		return
	}
	switch body.Do {
	case "begin":
		s.o.Voice.Press(true)
	case "end":
		s.o.Voice.Press(false)
	case "toggle":
		s.o.Voice.Toggle()
	default:
		refuse(w, http.StatusBadRequest, "not JSON like %s: do is begin, end or toggle", like)
		return
	}
	answer(w, http.StatusOK, s.o.Voice.Status())
}

// voice is what is known of speech; nil where nobody listens.
func (s *Server) voice() *pipeline.Speech {
	if s.o.Voice == nil {
		return nil
	}
	now := s.o.Voice.Status()
	return &now
}

var (
	utterancesDesc = prometheus.NewDesc("deixis_speech_utterances_total", "Utterances, by what came of them.", []string{"outcome"}, nil)
	unheardDesc    = prometheus.NewDesc("deixis_speech_dropped_total", "Utterances that nobody had time for.", nil, nil)
	speechDesc     = prometheus.NewDesc("deixis_speech_duration_seconds", "Where the time went from the end of speech on.", []string{"part"}, nil)
)

// collectVoice reads what speech counts.
func (s *Server) collectVoice(to chan<- prometheus.Metric) {
	if s.o.Voice == nil {
		return
	}
	t := s.o.Voice.Tally()
	for outcome, n := range map[string]uint64{"phrase": t.Phrases, "command": t.Commands, "nothing": t.Nothing} {
		to <- prometheus.MustNewConstMetric(utterancesDesc, prometheus.CounterValue, float64(n), outcome)
	}
	to <- prometheus.MustNewConstMetric(unheardDesc, prometheus.CounterValue, float64(t.Dropped))
	for part, h := range t.Took {
		to <- histogram(speechDesc, h, part)
	}
}

// histogram is h as Prometheus has it.
func histogram(desc *prometheus.Desc, h pipeline.Histogram, label string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Counts))
	for i, n := range h.Counts {
		buckets[pipeline.Bounds[i].Seconds()] = n
	}
	return prometheus.MustNewConstHistogram(desc, h.N, h.Sum.Seconds(), buckets, label)
}
