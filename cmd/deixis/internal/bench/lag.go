package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench/scene"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
)

// LagReport is what `bench lag --json` prints: mean IoU of the box shown with
// the box that is true at the moment it is shown.
type LagReport struct {
	Answers float64    `json:"answers"` // asked for a second
	Scenes  []sceneLag `json:"scenes"`
	Still   float64    `json:"still"`   // mean over the scenes, boxes standing still between answers
	Carried float64    `json:"carried"` // boxes carried
}

type sceneLag struct {
	Name    string     `json:"name"`
	Still   float64    `json:"still"`
	Carried float64    `json:"carried"`
	CarryMS app.Spread `json:"carry_ms"`        // what carrying costs a frame
	Right   *float64   `json:"right,omitempty"` // with --truth: share of its frames that the network answers right
}

// A lagTrial is a moving picture with its truth, to be played twice.
type lagTrial struct {
	name    string
	open    func(ctx context.Context) (pipeline.Source, func() error, error)
	phrase  model.Phrase
	truth   func(phrase string, t float64) (model.Box, float64)
	answer  func(phrase string, f *camera.Frame) model.Answer
	present float32  // presence from which on an answer says that the thing is there; 0 means 0.5
	said    answered // by the network on every frame, where somebody knows the truth
}

// LagCmd is `deixis bench lag`.
type LagCmd struct{ trialFlags }

// Run measures how far what is shown lags behind what is there, with a
// stand-in for the network that knows the truth, late.
func (c *LagCmd) Run(ctx context.Context, g *app.Globals) error {
	if err := c.validate(); err != nil {
		return err
	}
	trials, err := c.lagTrials(ctx, g)
	if err != nil {
		return err
	}
	r := LagReport{Answers: c.Answers}
	for _, t := range trials {
		one := sceneLag{Name: t.name}
		if t.said != nil {
			right := t.right()
			one.Right = &right
		}
		if one.Still, _, err = c.play(ctx, g, t, true); err != nil {
			return err
		}
		var times *pipeline.Timings
		if one.Carried, times, err = c.play(ctx, g, t, false); err != nil {
			return err
		}
		of := times.Of(pipeline.StageCarry)
		one.CarryMS = app.SpreadFrom(of)
		g.Log.Info("played", "scene", t.name, "still", one.Still, "carried", one.Carried)
		r.Scenes = append(r.Scenes, one)
		r.Still += one.Still / float64(len(trials))
		r.Carried += one.Carried / float64(len(trials))
	}
	r.Still, r.Carried = model.Round(r.Still, 3), model.Round(r.Carried, 3)
	if c.JSON {
		return app.WriteJSON(g.Stdout, r)
	}
	return r.Print(g.Stdout)
}

func (r *LagReport) Print(w io.Writer) error {
	wide := 18
	for _, s := range r.Scenes {
		wide = max(wide, len(s.Name))
	}
	_, err := fmt.Fprintf(w, "mean IoU of the box shown with the true box when it is shown, about %g answers a second\n%-*s %8s %8s %18s\n", r.Answers, wide, "scene", "still", "carried", "carry ms p50  p99")
	for _, s := range r.Scenes {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-*s %8.3f %8.3f %12.2f %5.2f", wide, s.Name, s.Still, s.Carried, s.CarryMS.P50, s.CarryMS.P99)
		}
		if err == nil && s.Right != nil {
			_, err = fmt.Fprintf(w, "   the network is right on %.3f of its frames", *s.Right)
		}
		if err == nil {
			_, err = fmt.Fprintln(w)
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "%-*s %8.3f %8.3f\n", wide, "mean", r.Still, r.Carried)
	}
	return err
}

// lagTrials are the rendered scenes, or the recording that was named.
func (c *trialFlags) lagTrials(ctx context.Context, g *app.Globals) ([]lagTrial, error) {
	if c.Truth != "" {
		return c.seen(ctx, g)
	}
	if c.Source != "" {
		t, err := c.recorded(ctx, g)
		return []lagTrial{t}, err
	}
	return c.rendered(scene.Moving()), nil
}

// recorded takes what the network says of every frame of a recording for the truth.
func (c *trialFlags) recorded(ctx context.Context, g *app.Globals) (_ lagTrial, err error) {
	ref, err := camera.Parse(c.Source)
	if err != nil {
		return lagTrial{}, app.AsInput(err)
	}
	if ref.Live() {
		return lagTrial{}, app.Usage(fmt.Errorf("lag %s: its truth is not known (name a recording, or nothing for rendered scenes)", ref))
	}
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return lagTrial{}, err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	ps, err := by.Phrases([]string{c.Phrase})
	if err != nil {
		return lagTrial{}, err
	}
	open := func(ctx context.Context) (pipeline.Source, func() error, error) {
		src, err := opencv.Open(ctx, ref, g.Sources())
		if err != nil {
			return nil, nil, err
		}
		return &line.Paced{From: src}, src.Close, nil
	}
	src, err := opencv.Open(ctx, ref, g.Sources())
	if err != nil {
		return lagTrial{}, err
	}
	known, err := answerAll(ctx, src, by, ps, time.Duration(c.Seconds*float64(time.Second)))
	if err = errors.Join(err, src.Close()); err != nil {
		return lagTrial{}, err
	}
	return lagTrial{name: ref.String(), open: open, phrase: ps[0], truth: known.at, answer: known.answer}, nil
}

// answered is what the network says of every frame of a recording, in order.
type answered []model.Answer

// answerAll grounds a recording frame by frame, at most so long a part of it.
func answerAll(ctx context.Context, from pipeline.Source, by *app.Network, ps []model.Phrase, long time.Duration) (all answered, err error) {
	var f camera.Frame
	for {
		if err := from.Next(ctx, &f); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if f.PTS > long {
			return all, nil
		}
		as, err := by.Ground(ctx, &f, ps)
		if err != nil {
			return nil, err
		}
		as[0].At = time.Time{}.Add(f.PTS) // only its place counts
		all = append(all, as[0])
	}
}

// at is the box of the newest frame at t seconds, and 1 where there is one.
func (a answered) at(_ string, t float64) (model.Box, float64) {
	var box model.Box
	for i := range a {
		if a[i].At.Sub(time.Time{}).Seconds() > t+1e-6 {
			break
		}
		box = a[i].Box()
	}
	if box.Area() == 0 {
		return box, 0
	}
	return box, 1
}

// answer is the network's own on the frame at that place, without runners-up:
// what lags is judged here, not what is chosen.
func (a answered) answer(phrase string, f *camera.Frame) model.Answer {
	box, seen := a.at(phrase, f.PTS.Seconds())
	return model.Answer{Present: seen > 0, Boxes: []model.Box{box}, Scores: []float32{float32(seen)}}
}

// whole is all that the network says on the frame at that place.
func (a answered) whole(_ string, f *camera.Frame) model.Answer {
	best := a[0]
	for i := range a {
		if a[i].At.Sub(time.Time{}) > f.PTS+time.Millisecond {
			break
		}
		best = a[i]
	}
	return best
}

// play is the mean IoU of every box shown after the first answer.
func (c *trialFlags) play(ctx context.Context, g *app.Globals, t lagTrial, still bool) (float64, *pipeline.Timings, error) {
	var sum float64
	n := 0
	times, err := c.watch(ctx, g, t, line.Config{NoCarry: still}, func(v *pipeline.View, truth model.Box, seen float64) {
		if seen >= plainly {
			n++
			sum += float64(v.Box.IoU(truth))
		}
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("measure lag on %s: %q is in none of its frames (name another --phrase)", t.name, t.phrase.Text)
	}
	return model.Round(sum/max(1, float64(n)), 3), times, err
}

// sinkFunc makes a sink of a function.
type sinkFunc func(f *camera.Frame, views []pipeline.View) error

func (s sinkFunc) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	return s(f, views)
}
