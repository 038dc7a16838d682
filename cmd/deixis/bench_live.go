package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/listen"
	"deixis/pipeline/listen/mic"
)

// Times of one phrase in a live trial.
const (
	settles    = 400 * time.Millisecond  // a new photo, before anybody speaks
	typedFor   = 1500 * time.Millisecond // for the answer to a typed phrase
	spokenFor  = 4 * time.Second         // after the end of speech, for that to a spoken one
	afterwards = 500 * time.Millisecond  // a box that is right must stay
)

// A liveTrial plays phrases to the whole live line in real time.
type liveTrial struct {
	*globals
	by     *grounder
	voice  *voice
	photos slide
	studio studio
	sink   string // of PulseAudio that clips are played to; "" plays them to the line itself
	judge  judge

	mu   sync.Mutex
	said *pipeline.Said // the last, since the clip began

	report liveReport
	whole  []float64
	typed  []float64
	parts  map[string][]float64
	words  int
	wrong  int
}

// live measures --spoken --live.
func (c *benchCmd) live(ctx context.Context, g *globals, refs []ref, voices *clipper) (_ *liveReport, err error) {
	t := &liveTrial{globals: g, sink: c.Sink, parts: map[string][]float64{}}
	if t.by, err = g.openGrounder(ctx, wants{}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.by.Close()) }()
	hears, err := g.openEars(c.earFlags)
	if err != nil {
		return nil, err
	}
	quiet := *g
	quiet.Log = slog.New(slog.DiscardHandler)
	line := &pipeline.Live{From: &t.photos, By: t.by, Log: quiet.Log, To: &t.judge}
	line.Draw = (&pipeline.Overlay{}).Draw
	t.voice = &voice{ears: hears, asker: &asker{by: t.by, line: line, log: quiet.Log}, gate: &pipeline.Gate{}}
	defer func() { err = errors.Join(err, t.voice.Close()) }()
	if t.voice.desk.Own = &t.studio; t.sink != "" {
		t.voice.desk.Own = mic.Open(mic.Options{Device: t.sink, Log: g.Log})
	}
	t.voice.Line = &listen.Line{
		From: &t.voice.desk, VAD: hears.VAD, By: hears.By, Lex: &listen.English, How: listen.DefaultSegmenting, Mode: listen.Always,
		Do: t.voice.do, Tell: t.hear, Log: quiet.Log,
	}
	if c.Joint {
		t.voice.Choose = t.voice.chooser(t.by, c.weights()).Choose
	}
	t.voice.eyes.Line = t.voice.Line
	line.Beside = []pipeline.Beside{{Name: "speech", To: &t.voice.eyes, Bare: true}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := t.show(refs[0]); err != nil {
		return nil, err
	}
	stages, ctx := errgroup.WithContext(ctx)
	stages.Go(func() error { return line.Run(ctx) })
	stages.Go(func() error { return t.voice.run(ctx) })
	stages.Go(func() error {
		defer stop()
		return t.all(ctx, refs, voices)
	})
	if err := stages.Wait(); err != nil {
		return nil, err
	}
	return t.finish(line, c.Voices), nil
}

// hear notes an utterance.
func (t *liveTrial) hear(_ context.Context, said pipeline.Said) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = &said
	return nil
}

// show puts a photo before the camera.
func (t *liveTrial) show(r ref) error {
	var f camera.Frame
	if err := opencv.ReadImage(r.Image, &f); err != nil {
		return err
	}
	t.photos.set(&f)
	return nil
}

// all plays one phrase after the other: spoken, then typed.
func (t *liveTrial) all(ctx context.Context, refs []ref, voices *clipper) error {
	told := time.Now()
	for i, r := range refs {
		pcm, err := voices.clip(ctx, i, r.Phrase)
		if err != nil {
			return err
		}
		if err := t.one(ctx, r, pcm, voices.file(i, r.Phrase)); err != nil {
			return fmt.Errorf("line %d: %w", r.Line, err)
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			t.Log.Info("listening", "done", i+1, "of", len(refs))
		}
	}
	return nil
}

func (t *liveTrial) one(ctx context.Context, r ref, pcm []float32, file string) error {
	line := t.voice.asker.line
	if err := t.show(r); err != nil {
		return err
	}
	line.SetPhrases(nil)
	t.judge.expect(*r.Box, true)
	if err := camera.Sleep(ctx, settles); err != nil {
		return err
	}
	t.mu.Lock()
	t.said = nil
	t.mu.Unlock()
	end, err := t.say(ctx, pcm, file)
	if err != nil {
		return err
	}
	at, right := t.judge.wait(ctx, end.Add(spokenFor))
	t.mu.Lock()
	said := t.said
	t.mu.Unlock()
	t.count(r, said, at.Sub(end), right)

	line.SetPhrases(nil)
	t.judge.expect(*r.Box, false)
	if err := camera.Sleep(ctx, settles); err != nil {
		return err
	}
	p, err := t.by.Bundle.Phrase(r.Phrase)
	if err != nil {
		return err
	}
	began := time.Now()
	line.SetPhrases([]model.Phrase{p})
	if at, right = t.judge.wait(ctx, began.Add(typedFor)); right {
		t.report.Right.Typed++
		t.typed = append(t.typed, inMS(at.Sub(began)))
	}
	return ctx.Err()
}

// count notes what came of a spoken phrase.
func (t *liveTrial) count(r ref, said *pipeline.Said, took time.Duration, right bool) {
	t.report.Phrases++
	want, got := strings.Fields(listen.Normalise(r.Phrase)), []string(nil)
	if said != nil {
		got = strings.Fields(said.Phrase)
	}
	t.words += len(want)
	t.wrong += wordErrors(want, got)
	if said != nil && said.Phrase != "" {
		t.report.Heard++
	}
	if !right || said == nil {
		return
	}
	t.report.Right.Spoken++
	t.whole = append(t.whole, inMS(took))
	for part, ms := range map[string]float64{"wait": said.Took.Wait, "queue": said.Took.Queue, "recognise": said.Took.Recognise, "choose": said.Took.Choose} {
		t.parts[part] = append(t.parts[part], ms)
	}
}

// say plays a clip and tells when its last word ends.
func (t *liveTrial) say(ctx context.Context, pcm []float32, file string) (end time.Time, err error) {
	last := lastWord(pcm)
	if t.sink == "" {
		return t.studio.play(pcm).Add(last), nil
	}
	began := time.Now()
	out, err := exec.CommandContext(ctx, "paplay", "--latency-msec=50", "-d", t.sink, file).CombinedOutput()
	if err != nil {
		return end, &inputError{fmt.Errorf("play to --sink %s: %w: %s", t.sink, err, firstOf(string(out)))}
	}
	return began.Add(last), nil
}
