package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"deixis/pipeline"
	"deixis/pipeline/listen"
	"deixis/pipeline/listen/mic"
	"deixis/pipeline/web"
)

// A voice listens, and does what it understands.
type voice struct {
	*listen.Line
	ears *ears
	desk listen.Desk
	eyes listen.Sight

	asker *asker
	gate  *pipeline.Gate

	mu      sync.Mutex
	holds   bool
	stopped []string // what was looked for before "stop"
}

// openVoice opens the models and the sound that --listen asks for.
func (s *show) openVoice(ctx context.Context) (err error) {
	if !s.Listen.on() {
		return nil
	}
	hears, err := s.openEars(ctx, s.Listen.earFlags)
	if err != nil {
		return err
	}
	v := &voice{ears: hears, asker: s.asker, gate: s.gate}
	s.closers = append(s.closers, v.Close)
	lex, err := s.Listen.lexicon(hears.About.Language)
	if err != nil {
		return err
	}
	if v.desk.Own, err = s.openOwnSound(); err != nil {
		return err
	}
	v.Line = &listen.Line{
		From: &v.desk, VAD: hears.VAD, By: hears.By, Lex: lex, How: listen.DefaultSegmenting, Mode: s.Listen.mode(),
		Do: v.do, Log: s.Log,
	}
	if s.Listen.Joint {
		v.Line.Choose = v.chooser(s.by, s.Listen.weights()).Choose
	}
	v.eyes.Line = v.Line
	s.line.Beside = append(s.line.Beside, pipeline.Beside{Name: "speech", To: &v.eyes, Bare: true})
	s.voice = v
	return nil
}

// openOwnSound is the file of --listen-file, or the microphone.
func (s *show) openOwnSound() (listen.Source, error) {
	switch s.Listen.File {
	case "":
		return mic.Open(mic.Options{Device: s.Listen.Mic, Log: s.Log}), nil
	case "-":
		return listen.NewRaw(s.Stdin), nil
	}
	f, err := listen.OpenFile(s.Listen.File, true)
	if err != nil {
		return nil, &inputError{err}
	}
	return f, nil
}

// chooser holds readings against what the line sees.
func (v *voice) chooser(by *grounder, w listen.Weights) *listen.Chooser {
	return &listen.Chooser{By: by, Newest: v.eyes.Newest, Phrase: by.Bundle.Phrase, Most: by.Bundle.Limits.MaxPhrases, Weights: w}
}

// run listens until the sound or ctx ends. What goes wrong ends the listening,
// not the line.
func (v *voice) run(ctx context.Context) error {
	if err := v.Run(ctx); err != nil && ctx.Err() == nil {
		v.asker.log.Error("listening ends", "err", err)
	}
	return nil
}

// caption is what is known of speech, in a line.
func (v *voice) caption() string {
	now := v.Status()
	return now.Caption
}

// do looks for a phrase, or does what a command orders.
func (v *voice) do(_ context.Context, m listen.Meaning) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer v.gate.Nudge() // a picture that stands is answered anew
	switch m.Command {
	case listen.Stop, listen.Clear:
		return v.quiet(m.Command == listen.Stop)
	case listen.Other:
		if !v.asker.line.Other() {
			return errors.New("nothing is shown that another could take the place of")
		}
	case listen.Hold:
		v.hold(true)
	case listen.GoOn:
		return v.goOn()
	default:
		if v.holds && v.Mode == listen.Always {
			return errors.New("held; say “go on” first")
		}
		v.hold(false)
		v.stopped = nil
		return v.asker.ask([]string{m.Phrase})
	}
	return nil
}

// quiet looks for nothing any more, and may remember what was looked for.
func (v *voice) quiet(remember bool) error {
	now := v.asker.line.Phrases()
	if len(now) == 0 {
		return errors.New("nothing is looked for")
	}
	v.hold(false)
	if v.stopped = nil; remember {
		v.stopped = now
	}
	return v.asker.replace(nil)
}

// goOn ends a hold, or a stop.
func (v *voice) goOn() error {
	switch {
	case v.holds:
		v.hold(false)
		return nil
	case len(v.stopped) > 0 && len(v.asker.line.Phrases()) == 0:
		return v.asker.ask(v.stopped)
	}
	return errors.New("nothing is held or stopped")
}

func (v *voice) hold(on bool) {
	v.holds = on
	v.asker.line.Hold(on)
}

// Hear takes a WAV file as if it had been said while the button was held.
func (v *voice) Hear(ctx context.Context, wav []byte) (pipeline.Said, error) {
	pcm, err := listen.ReadWAV(bytes.NewReader(wav))
	if err != nil {
		return pipeline.Said{}, fmt.Errorf("that is no sound: %w", err)
	}
	return v.Line.Hear(ctx, pcm)
}

// Sit lets a page's microphone speak.
func (v *voice) Sit() (web.Microphone, error) {
	g, err := v.desk.Seat()
	if err != nil {
		return nil, err
	}
	return guest{g}, nil
}

// A guest is a page's microphone.
type guest struct{ *listen.Guest }

// Put takes samples of 16 bits.
func (g guest) Put(ctx context.Context, raw []byte) error {
	pcm := make([]float32, len(raw)/2)
	listen.Samples(pcm, raw)
	return g.Guest.Put(ctx, pcm)
}

// Close frees the sound and the models.
func (v *voice) Close() error { return errors.Join(v.desk.Close(), v.ears.Close()) }
