package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/service"
	"deixis/cmd/deixis/internal/state"
	"deixis/pipeline"
	"deixis/pipeline/event"
	"deixis/pipeline/line"
	"deixis/pipeline/overlay"
	"deixis/pipeline/record"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/audit"
	"deixis/pipeline/robot/depth"
	"deixis/pipeline/robot/rosbridge"
	"deixis/pipeline/web"
)

// show is one run of live: the line and everything it shows on.
type show struct {
	flags *liveCmd
	g     *app.Globals
	plan  plan
	asked opencv.Options // of the camera
	ref   camera.Ref
	from  opencv.Source
	by    *app.Network
	asker *pipeline.Asker

	line     *line.Line
	gate     line.Gate
	mirror   line.Mirror
	page     *web.Server // nil without --http
	token    string      // of the page; "" for none
	voice    *voice      // nil without --listen
	orders   *orders
	settings *settings
	events   *event.Writer        // nil without --events
	tape     *tape                // a recording that settings change; nil where they cannot
	outlet   *outlet              // where events go, as settings say; nil where they cannot
	robot    *robot.Publisher     // nil where nobody is told of a target
	audit    *audit.Log           // nil without --audit
	state    *state.File          // nil where nothing is kept for the next start
	manager  *service.Manager     // nil where no service manager wants to know
	depth    *depth.Meter         // nil without --depth
	lens     *rosbridge.LensWatch // nil unless ROS may tell of the lens
	boot     string               // names this run of the program
	closers  []func() error
}

// open opens all outputs and joins the line.
func (s *show) open(ctx context.Context) (err error) {
	c := line.Config{
		From: s.source(), By: s.by, Rules: s.flags.Lock.rules(), NoCarry: !s.plan.carry, Unrelated: s.ref.Unrelated(),
		Prepare: s.by.Provider().Name != "cpu", Log: s.g.Log,
	}
	drawing := &overlay.Overlay{ShowAge: !s.plan.everyFrame}
	if s.plan.draw {
		c.Draw = drawing.Draw
	}
	s.boot = rand.Text()
	s.orders = &orders{asker: s.asker, locks: lateLine{s}, gate: &s.gate, confirm: s.confirm}
	if err := s.openVoice(ctx, &c); err != nil {
		return err
	}
	if s.voice != nil {
		drawing.Caption = s.voice.caption
	}
	if err := s.openWindow(&c); err != nil {
		return err
	}
	if err := s.openRecording(&c); err != nil {
		return err
	}
	if err := s.openEvents(ctx, &c); err != nil {
		return err
	}
	if err := s.openRobot(&c); err != nil {
		return err
	}
	s.line = line.New(c)
	s.asker.Set = s.setPhrases
	if s.settings, err = newSettings(s); err != nil {
		return err
	}
	if s.flags.Times {
		drawing.Times = s.line.Timings()
	}
	return s.openPage()
}

// source is what the line reads, through a gate that can stop it.
func (s *show) source() pipeline.Source {
	var from pipeline.Source = s.from
	if s.plan.paced {
		from = &line.Paced{From: from}
	}
	if s.plan.repeatLast {
		from = &line.RepeatLast{From: from}
	}
	s.gate.From, s.gate.Drain, s.gate.Withhold = from, s.plan.drain, s.plan.everyFrame
	s.mirror.From = &s.gate
	s.mirror.Set(s.flags.Mirror)
	return &s.mirror
}

// changes says whether outputs can be changed while the line runs: of a camera, where
// there is a file to change and something else that keeps the line alive.
func (s *show) changes() bool {
	return s.plan.drain && s.g.Config != "" && s.flags.again != nil && (s.plan.page || s.plan.window || s.plan.robot)
}

// openRecording opens the video file. When it fails while the line runs, the rest
// goes on.
func (s *show) openRecording(c *line.Config) error {
	var r *record.Recorder
	if s.plan.record != "" {
		var err error
		if r, err = record.New(s.plan.record, record.Options{FPS: s.from.Info().FPS, Log: s.g.Log}); err != nil {
			return err
		}
	}
	switch {
	case s.changes():
		drawing := &overlay.Overlay{}
		if s.voice != nil {
			drawing.Caption = s.voice.caption
		}
		s.tape = &tape{draw: drawing.Draw, finish: s.finish, turn: newTurn(), to: r}
		s.closers = append(s.closers, s.tape.Close)
		c.Outputs = append(c.Outputs, pipeline.Output{Name: "recording", To: s.tape, Needs: pipeline.Undrawn, OnError: pipeline.Retry})
	case r != nil:
		s.closers = append(s.closers, func() error { return s.finish(r) })
		c.Outputs = append(c.Outputs, pipeline.Output{Name: "recording", To: r, Needs: pipeline.Drawn, OnError: pipeline.Drop, EveryFrame: true})
	}
	return nil
}

// openEvents opens where events go. When that fails while the line runs, the rest
// goes on.
func (s *show) openEvents(ctx context.Context, c *line.Config) error {
	if s.plan.toOutput {
		s.g.Log.Info("events go to standard output (--http 127.0.0.1:7420 shows the picture)")
	}
	var to io.WriteCloser
	if s.plan.events != "" {
		var err error
		if to, err = s.openEventFile(ctx, s.plan.events); err != nil {
			return err
		}
	}
	var w io.Writer
	onError := pipeline.Drop
	switch {
	case s.changes():
		s.outlet = &outlet{turn: newTurn(), to: to}
		s.closers = append(s.closers, s.outlet.Close)
		w, onError = s.outlet, pipeline.Retry
	case to == nil:
		return nil
	default:
		s.closers = append(s.closers, to.Close)
		w = closedIsEOF{to}
	}
	s.events = &event.Writer{W: w, Source: s.ref.String(), Camera: s.flags.Robot.Name, Boot: s.boot, Lost: s.lost}
	c.Outputs = append(c.Outputs, pipeline.Output{Name: "events", To: s.events, Needs: pipeline.NoPixels, OnError: onError, EveryFrame: true})
	if s.voice != nil {
		s.voice.Tell = s.events.Say
	}
	return nil
}

// finish closes a recording and says what came of it.
func (s *show) finish(r *record.Recorder) error {
	if err := r.Close(); err != nil {
		return err
	}
	if r.Frames() > 0 {
		s.g.Log.Info("recorded", "file", r.Path(), "codec", r.Codec(), "frames", r.Frames())
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
