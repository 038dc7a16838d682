package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/pipeline"
	"deixis/pipeline/record"
	"deixis/pipeline/web"
)

// show is one run of live: the line and everything it shows on.
type show struct {
	*liveCmd
	*globals
	*asker
	asked opencv.Options // of the camera
	ref   camera.Ref
	from  opencv.Source
	by    *grounder

	line    pipeline.Live
	gate    *pipeline.Gate
	mirror  pipeline.Mirror
	window  pipeline.Sink   // nil without one
	page    *web.Server     // nil without --http
	voice   *voice          // nil without --listen
	alarm   *pipeline.Alarm // nil without --events
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
	s.gate = &pipeline.Gate{}
	if err := s.openVoice(); err != nil {
		return err
	}
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
	s.line.Still, s.line.Rules = !s.Carry, s.Lock.rules()
	s.line.Ahead = s.by.Provider().Name != "cpu"
	if s.window != nil || s.Record != "" {
		o := s.overlay()
		if s.voice != nil {
			o.Caption = s.voice.caption
		}
		s.line.Draw = o.Draw
	}
	if s.everyFrame() {
		s.line.To = inLine(s.window, kept)
	} else {
		s.line.To = s.window
		s.line.Beside = append(s.line.Beside, kept...)
	}
	if s.page != nil {
		s.line.Beside = append(s.line.Beside, pipeline.Beside{Name: "page", To: s.page, Bare: true})
	}
	return nil
}

// overlay paints what the flags ask for.
func (s *show) overlay() *pipeline.Overlay {
	o := &pipeline.Overlay{ShowAge: !s.everyFrame()}
	if s.Times {
		o.Times = &s.line.Times
	}
	return o
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

// source is what the line reads, through a gate that can stop it: a recording
// that is looked at keeps its pace, and the last of several pictures stays.
func (s *show) source() pipeline.Source {
	var from pipeline.Source = s.from
	if !s.ref.Live() && s.seen() {
		from = &pipeline.Paced{From: from}
	}
	if s.ref.Kind == camera.Images && s.seen() && !s.everyFrame() {
		from = &pipeline.Held{From: from}
	}
	s.gate.From, s.gate.Drain, s.gate.Still = from, s.ref.Live(), s.everyFrame()
	s.mirror.From = s.gate
	s.mirror.Set(s.Mirror)
	return &s.mirror
}

// openFiles opens the recording and the events. Where nothing at all was asked
// for, the events go to standard output.
func (s *show) openFiles() (kept []pipeline.Beside, err error) {
	if s.Record != "" {
		r, err := record.New(s.Record, record.Options{FPS: s.from.Info().FPS, EveryFrame: s.everyFrame(), Log: s.Log})
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
		s.alarm = &pipeline.Alarm{Events: pipeline.Events{W: quietly{w}, Source: s.ref.String()}, Lost: s.lost}
		kept = append(kept, pipeline.Beside{Name: "events", To: s.alarm})
		if s.voice != nil {
			s.voice.Tell = s.alarm.Say
		}
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
