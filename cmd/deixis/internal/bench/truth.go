package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

// Sightings are what somebody saw in a recording: where things are in some of its
// frames. Between them they move evenly.
type sightings struct {
	FPS    float64 `json:"fps"`
	Things []thing `json:"things"`
}

// A thing is what a phrase means from its first box to its last.
type thing struct {
	Phrase string `json:"phrase"`
	Boxes  []struct {
		Frame int        `json:"frame"` // counted from 0
		Box   [4]float32 `json:"box"`   // corners in pixels
	} `json:"boxes"`
}

// mostTruth is how many bytes a file of --truth may have.
const mostTruth = 16 << 20

// readSightings reads a file of --truth.
func readSightings(file string) (*sightings, error) {
	raw, err := camera.ReadRegular(file, mostTruth)
	if err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	var t sightings
	err = json.Unmarshal(raw, &t)
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return nil, app.Input(fmt.Errorf("read truth %s: %w", file, err))
	}
	return &t, nil
}

func (t *sightings) check() error {
	if t.FPS <= 0 || len(t.Things) == 0 {
		return errors.New(`no "fps" above 0, or no "things"`)
	}
	for i := range t.Things {
		th := &t.Things[i]
		if th.Phrase == "" || len(th.Boxes) < 2 {
			return fmt.Errorf("thing %d: it needs a phrase and two boxes", i+1)
		}
		before := -1
		for _, b := range th.Boxes {
			if b.Frame <= before {
				return fmt.Errorf("thing %d (%s): frame %d comes after frame %d", i+1, th.Phrase, b.Frame, before)
			}
			if b.Box[0] >= b.Box[2] || b.Box[1] >= b.Box[3] {
				return fmt.Errorf("thing %d (%s): frame %d: %v is no box (write x1, y1, x2, y2)", i+1, th.Phrase, b.Frame, b.Box)
			}
			before = b.Frame
		}
	}
	return nil
}

func (t *thing) first() int { return t.Boxes[0].Frame }
func (t *thing) last() int  { return t.Boxes[len(t.Boxes)-1].Frame }

// at is the box at a frame, which may lie between two, and 1; or 0 where nobody looked.
func (t *thing) at(frame float64) (model.Box, float64) {
	const slack = 1e-3 // of a frame, for time stamps that are rounded
	for i := range t.Boxes[1:] {
		a, b := &t.Boxes[i], &t.Boxes[i+1]
		if frame < float64(a.Frame)-slack || frame > float64(b.Frame)+slack {
			continue
		}
		on := float32((frame - float64(a.Frame)) / float64(b.Frame-a.Frame))
		between := func(i int) float32 { return a.Box[i] + on*(b.Box[i]-a.Box[i]) }
		return model.Box{X1: between(0), Y1: between(1), X2: between(2), Y2: between(3)}, 1
	}
	return model.Box{}, 0
}

// An excerpt is the frames of a recording from one to another, as if it began there.
type excerpt struct {
	opencv.Source
	left  int
	begun bool
	base  time.Duration
}

// openExcerpt opens the frames from first to last, counted from 0. The caller closes it.
func openExcerpt(ctx context.Context, ref camera.Ref, o opencv.Options, first, last int) (_ *excerpt, err error) {
	src, err := opencv.Open(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	var f camera.Frame
	for n := range first {
		if err := src.Next(ctx, &f); err != nil {
			if errors.Is(err, io.EOF) {
				err = app.Input(fmt.Errorf("read %s: it ends after %d frames, and its truth begins at %d", ref, n, first))
			}
			return nil, errors.Join(err, src.Close())
		}
	}
	return &excerpt{Source: src, left: last - first + 1}, nil
}

// Next counts the time from the first frame of the excerpt.
func (e *excerpt) Next(ctx context.Context, f *camera.Frame) error {
	if e.left == 0 {
		return io.EOF
	}
	if err := e.Source.Next(ctx, f); err != nil {
		return err
	}
	if !e.begun {
		e.begun, e.base = true, f.PTS
	}
	f.PTS -= e.base
	e.left--
	return nil
}

// seen are the things of --truth in SOURCE as trials, with what the network
// says of every frame of them.
func (c *trialFlags) seen(ctx context.Context, g *app.Globals) (trials []lagTrial, err error) {
	known, err := readSightings(c.Truth)
	if err != nil {
		return nil, err
	}
	ref, err := camera.Parse(c.Source)
	if err != nil {
		return nil, app.AsInput(err)
	}
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	for i := range known.Things {
		th := &known.Things[i]
		ps, err := by.Phrases([]string{th.Phrase})
		if err != nil {
			return nil, err
		}
		open := func(ctx context.Context) (*excerpt, error) {
			return openExcerpt(ctx, ref, g.Sources(), th.first(), th.last())
		}
		src, err := open(ctx)
		if err != nil {
			return nil, err
		}
		said, err := answerAll(ctx, src, by, ps, time.Hour)
		if err = errors.Join(err, src.Close()); err != nil {
			return nil, err
		}
		t := lagTrial{name: fmt.Sprintf("%s (%d to %d)", th.Phrase, th.first(), th.last()), phrase: ps[0], said: said, present: by.Bundle.Threshold.Present}
		t.truth = func(_ string, s float64) (model.Box, float64) { return th.at(float64(th.first()) + s*known.FPS) }
		t.answer = func(phrase string, f *camera.Frame) model.Answer {
			box, seen := t.truth(phrase, f.PTS.Seconds())
			return model.Answer{Present: seen > 0, Boxes: []model.Box{box}, Scores: []float32{float32(seen)}}
		}
		t.open = func(ctx context.Context) (pipeline.Source, func() error, error) {
			src, err := open(ctx)
			if err != nil {
				return nil, nil, err
			}
			return &line.Paced{From: src}, src.Close, nil
		}
		trials = append(trials, t)
	}
	return trials, nil
}

// right is the share of the frames that the network answers right.
func (t *lagTrial) right() float64 {
	right := 0
	for i := range t.said {
		box, _ := t.truth(t.phrase.Text, t.said[i].At.Sub(time.Time{}).Seconds())
		if t.said[i].Box().IoU(box) >= 0.5 {
			right++
		}
	}
	return model.Round(float64(right)/float64(max(1, len(t.said))), 3)
}
