package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"deixis/pipeline"
	"deixis/pipeline/web/guard"
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

// deaf is what those hear who speak where nobody listens.
const deaf = "nobody listens in this run (start it with --listen)"

// listens says whether anybody does, or answers that nobody does.
func (s *Server) listens(w http.ResponseWriter) bool {
	if s.o.Voice == nil {
		guard.Refuse(w, http.StatusConflict, deaf)
	}
	return s.o.Voice != nil
}

// talk holds the button to talk, or lets it go.
func (s *Server) talk(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Do string `json:"do"`
	}
	if !s.listens(w) || !take(w, r, &body) {
		return
	}
	switch body.Do {
	case "begin":
		s.o.Voice.Press(true)
	case "end":
		s.o.Voice.Press(false)
	default:
		s.o.Voice.Toggle()
	}
	guard.Answer(w, http.StatusOK, s.o.Voice.Status())
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

// maxSpeech is how many bytes of sound are taken: half a minute of 16 bits at
// 16 kHz.
const maxSpeech = 1 << 20

// maxSpeakers is how many recordings are here at once: one is written down, the
// others wait.
const maxSpeakers = 2

// seats are for those whose recordings are written down.
type seats struct {
	inside chan struct{} // holds one token for each recording that is here
	turn   chan struct{} // and for the one that is written down
}

func newSeats() seats {
	return seats{make(chan struct{}, maxSpeakers), make(chan struct{}, 1)}
}

// speech takes what somebody said, does it and tells what was understood.
func (s *Server) speech(w http.ResponseWriter, r *http.Request) {
	if s.o.Voice == nil {
		s.guard.Dismiss(w, r, http.StatusConflict, deaf)
		return
	}
	select {
	case s.seats.inside <- struct{}{}:
		defer func() { <-s.seats.inside }()
	default: // before its body is read: it would only take memory
		s.count.refused.WithLabelValues("speech").Inc()
		w.Header().Set("Retry-After", "2")
		s.guard.Dismiss(w, r, http.StatusServiceUnavailable, "%d recordings are being written down or wait: try again in a moment", maxSpeakers)
		return
	}
	wav, ok := s.read(w, r, maxSpeech, "half a minute at most")
	if !ok {
		return
	}
	if len(wav) < 44 || !bytes.HasPrefix(wav, []byte("RIFF")) || string(wav[8:12]) != "WAVE" {
		guard.Refuse(w, http.StatusBadRequest, "that is no WAV file")
		return
	}
	select {
	case s.seats.turn <- struct{}{}:
		defer func() { <-s.seats.turn }()
	case <-r.Context().Done():
	}
	if r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	said, err := s.o.Voice.Hear(r.Context(), wav)
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.limits.answer)) // writing down may have taken longer than that
	switch {
	case errors.Is(err, context.Canceled):
		guard.Refuse(w, http.StatusServiceUnavailable, "the program ends; send it again once it runs")
	case err != nil:
		guard.Refuse(w, http.StatusUnprocessableEntity, "%v", err)
	case said.Why != "":
		guard.Refuse(w, http.StatusUnprocessableEntity, "%s", said.Line())
	default:
		guard.Answer(w, http.StatusOK, said)
	}
}
