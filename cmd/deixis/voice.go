package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"deixis/cmd/deixis/internal/app"
	"deixis/model/onnx/speech"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/listen"
	"deixis/pipeline/listen/mic"
	"deixis/pipeline/web"
)

// A voice listens, and does what it understands.
type voice struct {
	*listen.Line
	ears *app.Ears
	desk listen.Desk
	eyes listen.Sight

	orders *orders
	log    *slog.Logger

	using  sync.RWMutex // the models are in use while it is read-locked
	closed bool
}

// openVoice opens the models and the sound that --listen asks for.
func (s *show) openVoice(ctx context.Context, c *line.Config) (err error) {
	if !s.flags.Listen.on() {
		return nil
	}
	hears, err := s.g.OpenEars(ctx, s.flags.Listen.EarFlags)
	if err != nil {
		return err
	}
	v := &voice{ears: hears, orders: s.orders, log: s.g.Log}
	s.closers = append(s.closers, v.Close)
	lex, err := s.flags.Listen.lexicon(hears.About.Language)
	if err != nil {
		return err
	}
	if v.desk.Own, err = s.openOwnSound(); err != nil {
		return err
	}
	v.Line = &listen.Line{
		From: &v.desk, VAD: hears.VAD, By: hears.By, Lex: lex, How: listen.DefaultSegmenting, Mode: s.flags.Listen.mode(),
		Do: v.do, Log: s.g.Log,
	}
	if s.flags.Listen.Joint {
		v.Line.Choose = v.chooser(s.by, s.flags.Listen.Weights()).Choose
	}
	v.eyes.Line = v.Line
	c.Outputs = append(c.Outputs, pipeline.Output{Name: "speech", To: &v.eyes, Needs: pipeline.Undrawn, OnError: pipeline.Retry})
	s.voice = v
	return nil
}

// openOwnSound is the file of --listen-file, or the microphone.
func (s *show) openOwnSound() (listen.Source, error) {
	switch s.flags.Listen.File {
	case "":
		return mic.Open(mic.Options{Device: s.flags.Listen.Mic, Log: s.g.Log}), nil
	case "-":
		return listen.NewRaw(s.g.Stdin), nil
	}
	f, err := listen.OpenFile(s.flags.Listen.File, true)
	if err != nil {
		return nil, app.Input(err)
	}
	return f, nil
}

// chooser holds readings against what the line sees.
func (v *voice) chooser(by *app.Network, w listen.Weights) *listen.Chooser {
	return &listen.Chooser{By: by, Newest: v.eyes.Newest, Phrase: by.Bundle.Phrase, Most: by.Bundle.Limits.MaxPhrases, Weights: w}
}

// run listens until the sound or ctx ends. What goes wrong ends the listening,
// not the line.
func (v *voice) run(ctx context.Context) error {
	if err := v.Run(ctx); err != nil && ctx.Err() == nil {
		v.log.Error("listening ends", "err", err)
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
	switch {
	case m.Command != "":
		return v.orders.command(m.Command)
	case v.Mode == listen.Always && v.orders.held():
		return errors.New("held; say “go on” first")
	}
	return v.orders.look([]string{m.Phrase})
}

// Hear takes a WAV file as if it had been said while the button was held.
func (v *voice) Hear(ctx context.Context, wav []byte) (pipeline.Said, error) {
	v.using.RLock()
	defer v.using.RUnlock()
	if v.closed {
		return pipeline.Said{}, errors.New("nobody listens any more: the program ends")
	}
	pcm, err := listen.ReadWAV(bytes.NewReader(wav), speech.Longest)
	if err != nil {
		return pipeline.Said{}, fmt.Errorf("that is no sound: %w", err)
	}
	return v.Line.Hear(ctx, pcm)
}

// Connect lets a page's microphone speak.
func (v *voice) Connect() (web.Microphone, error) {
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

// Close frees the sound and the models, once nobody uses them any more. Run must
// have returned.
func (v *voice) Close() error {
	v.using.Lock()
	defer v.using.Unlock()
	v.closed = true
	return errors.Join(v.desk.Close(), v.ears.Close())
}
