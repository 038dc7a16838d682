package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	"deixis/pipeline/outfile"
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

// openRecording opens the video file. When it fails while the line runs, the rest
// goes on.
func (s *show) openRecording(c *line.Config) error {
	if s.plan.record == "" {
		return nil
	}
	r, err := record.New(s.plan.record, record.Options{FPS: s.from.Info().FPS, Log: s.g.Log})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { return s.finish(r) })
	c.Outputs = append(c.Outputs, pipeline.Output{Name: "recording", To: r, Needs: pipeline.Drawn, OnError: pipeline.Drop, EveryFrame: true})
	return nil
}

// openEvents opens where events go. When that fails while the line runs, the rest
// goes on.
func (s *show) openEvents(ctx context.Context, c *line.Config) error {
	if s.plan.toOutput {
		s.g.Log.Info("events go to standard output (--http 127.0.0.1:7420 shows the picture)")
	}
	var w io.Writer = s.g.Stdout
	switch s.plan.events {
	case "":
		return nil
	case "-":
	default:
		f, err := outfile.Grow(ctx, s.plan.events, s.g.Log)
		if err != nil {
			return app.Output(fmt.Errorf("write events: %w", err))
		}
		s.closers = append(s.closers, f.Close)
		w = f
	}
	s.events = &event.Writer{W: closedIsEOF{w}, Source: s.ref.String(), Camera: s.flags.Robot.Name, Boot: s.boot, Lost: s.lost}
	c.Outputs = append(c.Outputs, pipeline.Output{Name: "events", To: s.events, Needs: pipeline.NoPixels, OnError: pipeline.Drop, EveryFrame: true})
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
		s.g.Log.Info("recorded", "file", s.plan.record, "codec", r.Codec(), "frames", r.Frames())
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
