package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/record"
	"deixis/pipeline/web"
)

// show is one run of live: the line and everything it shows on.
type show struct {
	*liveCmd
	*globals
	*asker
	ref  camera.Ref
	from opencv.Source
	by   *grounder

	line    pipeline.Live
	window  pipeline.Sink // nil without one
	page    *web.Server   // nil without --http
	closers []func() error
}

// everyFrame says that a recording is read frame by frame, because what comes
// of it is kept, whoever else looks; otherwise the newest frame wins.
func (s *show) everyFrame() bool {
	return !s.ref.Live() && (s.Record != "" || s.Events != "" || !s.seen())
}

// seen says whether somebody looks while it runs.
func (s *show) seen() bool { return s.page != nil || s.window != nil }

// open opens all sinks and joins the line.
func (s *show) open() (err error) {
	if s.window, err = s.openWindow(); err != nil {
		return err
	}
	if err := s.openPage(); err != nil {
		return err
	}
	kept, err := s.openFiles()
	if err != nil {
		return err
	}
	s.line.From, s.line.By, s.line.Log, s.asker.line = s.source(), s.by, s.Log, &s.line
	s.line.Still = !s.Carry
	if s.seen() || s.Record != "" {
		o := &pipeline.Overlay{ShowAge: !s.everyFrame()}
		s.line.Draw = o.Draw
	}
	if s.everyFrame() {
		s.line.To = inLine(s.window, kept)
	} else {
		s.line.To = s.window
		s.line.Beside = append(s.line.Beside, kept...)
	}
	if s.page != nil {
		s.line.Beside = append(s.line.Beside, pipeline.Beside{Name: "page", To: s.page})
	}
	return nil
}

// inLine joins the window and what is kept into one sink that misses nothing.
func inLine(win pipeline.Sink, kept []pipeline.Beside) pipeline.Sink {
	var all pipeline.Sinks
	if win != nil {
		all = append(all, win)
	}
	for _, k := range kept {
		all = append(all, k.To)
	}
	return all
}

// source is what the line reads: a recording that is looked at keeps its pace,
// and the last of several pictures stays.
func (s *show) source() pipeline.Source {
	var from pipeline.Source = s.from
	if !s.ref.Live() && s.seen() {
		from = &pipeline.Paced{From: from}
	}
	if s.ref.Kind == camera.Images && s.seen() && !s.everyFrame() {
		from = &pipeline.Held{From: from}
	}
	return from
}

// openPage takes the page's address.
func (s *show) openPage() (err error) {
	if s.HTTP == "" {
		return nil
	}
	s.page, err = web.Listen(s.HTTP, web.Options{
		Source: s.ref.String(), Encode: opencv.EncodeJPEG, Ask: s.asker.ask, Phrases: s.line.Phrases, Log: s.Log,
	})
	if err != nil {
		return &outputError{err}
	}
	s.closers = append(s.closers, s.page.Close)
	return nil
}

// openFiles opens the recording and the events. Where nothing at all was asked
// for, the events go to standard output.
func (s *show) openFiles() (kept []pipeline.Beside, err error) {
	if s.Record != "" {
		r, err := record.New(s.Record, record.Options{FPS: s.from.Info().FPS, EveryFrame: s.everyFrame()})
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, func() error { return s.finish(r) })
		kept = append(kept, pipeline.Beside{Name: "recording", To: r})
	}
	if s.Events == "" && s.Record == "" && !s.seen() {
		s.Log.Info("events go to standard output (--http 127.0.0.1:7420 shows the picture)")
		s.Events = "-"
	}
	if s.Events != "" {
		w, err := s.openEvents()
		if err != nil {
			return nil, err
		}
		kept = append(kept, pipeline.Beside{Name: "events", To: &pipeline.Events{W: quietly{w}, Source: s.ref.String()}})
	}
	return kept, nil
}

func (s *show) openEvents() (io.Writer, error) {
	if s.Events == "-" {
		return s.Stdout, nil
	}
	f, err := os.Create(s.Events)
	if err != nil {
		return nil, &outputError{fmt.Errorf("write events: %w", err)}
	}
	s.closers = append(s.closers, f.Close)
	return f, nil
}

// finish closes a recording and says what came of it.
func (s *show) finish(r *record.Recorder) error {
	if err := r.Close(); err != nil {
		return err
	}
	if r.Frames() > 0 {
		s.Log.Info("recorded", "file", s.Record, "codec", r.Codec(), "frames", r.Frames())
	}
	return nil
}

// Close closes what was opened, in the reverse order.
func (s *show) Close() error {
	var errs []error
	for _, free := range slices.Backward(s.closers) {
		errs = append(errs, free())
	}
	return errors.Join(errs...)
}

// asker turns texts from the command line, the keyboard, the page and the
// window into what the line looks for.
type asker struct {
	by   *grounder
	line *pipeline.Live // nil until it is joined
	log  *slog.Logger
	mu   sync.Mutex // texts may come from several at once
}

// phrases are the texts as phrases. Errors are model.ErrEmptyPhrase,
// model.ErrLongPhrase and a usageError for too many.
func (a *asker) phrases(texts []string) ([]model.Phrase, error) {
	if most := a.by.Bundle.Limits.MaxPhrases; len(texts) > most {
		return nil, &usageError{fmt.Errorf("look for %d phrases: the model takes %d at once (leave some out)", len(texts), most)}
	}
	return a.by.Phrases(texts)
}

// ask replaces what the line looks for.
func (a *asker) ask(texts []string) error {
	if len(texts) == 0 {
		return fmt.Errorf("look for nothing: %w (type what to look for)", model.ErrEmptyPhrase)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ps, err := a.phrases(texts)
	if err != nil {
		return err
	}
	a.line.SetPhrases(ps)
	a.log.Info("looking for", "phrases", strings.Join(texts, "; "))
	return nil
}

// longestLine is how many bytes of typed phrases are taken at once.
const longestLine = 64 << 10

// listen takes phrases from in, a line each time, until in ends.
func (a *asker) listen(in io.Reader) {
	lines := bufio.NewReaderSize(in, longestLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		if more {
			for more && err == nil {
				_, more, err = lines.ReadLine()
			}
			a.log.Warn("phrase refused", "why", fmt.Sprintf("the line is longer than %d bytes", longestLine))
			continue
		}
		texts := pipeline.Split(string(line))
		if len(texts) == 0 {
			continue
		}
		if err := a.ask(texts); err != nil {
			a.log.Warn("phrase refused", "why", err)
		}
	}
}
