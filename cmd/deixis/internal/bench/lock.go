package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/cmd/deixis/internal/bench/scene"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/track"
)

// LockReport is what `bench lock --json` prints.
type LockReport struct {
	Answers float64     `json:"answers"` // asked for a second
	Scenes  []sceneLock `json:"scenes"`
	Raw     float64     `json:"raw"`    // mean of right over the scenes, every answer taken as it is
	Locked  float64     `json:"locked"` // by the rules of the lock
}

type sceneLock struct {
	Name   string   `json:"name"`
	Raw    lockCase `json:"raw"`
	Locked lockCase `json:"locked"`
}

// A lockCase is how one scene went.
type lockCase struct {
	Right   float64 `json:"right"`   // share of frames with the box on the thing, or without one where it is hidden
	Changes int     `json:"changes"` // of state
	Targets int     `json:"targets"` // taken one after the other
}

// LockCmd is `deixis bench lock`.
type LockCmd struct{ trialFlags }

// Run measures the rules of the lock on scenes in which a stand-in for the
// network has doubts.
func (c *LockCmd) Run(ctx context.Context, g *app.Globals) error {
	if err := c.validate(); err != nil {
		return err
	}
	trials, err := c.lockTrials(ctx, g)
	if err != nil {
		return err
	}
	r := LockReport{Answers: c.Answers}
	for _, t := range trials {
		one := sceneLock{Name: t.name}
		var err error
		if one.Raw, err = c.judge(ctx, g, t, track.NoLock); err != nil {
			return err
		}
		if one.Locked, err = c.judge(ctx, g, t, track.DefaultRules); err != nil {
			return err
		}
		g.Log.Info("played", "scene", t.name, "raw", one.Raw.Right, "locked", one.Locked.Right)
		r.Scenes = append(r.Scenes, one)
		r.Raw += one.Raw.Right / float64(len(trials))
		r.Locked += one.Locked.Right / float64(len(trials))
	}
	r.Raw, r.Locked = model.Round(r.Raw, 3), model.Round(r.Locked, 3)
	if c.JSON {
		return app.WriteJSON(g.Stdout, r)
	}
	return r.Print(g.Stdout)
}

// lockTrials are rendered scenes in which a stand-in for the network has doubts,
// or what the network itself said of a recording whose truth is known.
func (c *trialFlags) lockTrials(ctx context.Context, g *app.Globals) ([]lagTrial, error) {
	switch {
	case c.Source == "":
		return c.rendered(scene.Ambiguous()), nil
	case c.Truth == "":
		return nil, app.Usage(fmt.Errorf("lock %s: its truth is not known (give --truth FILE, or no source for rendered scenes)", c.Source))
	}
	trials, err := c.seen(ctx, g)
	for i := range trials {
		trials[i].answer = trials[i].said.whole
	}
	return trials, err
}

// hidden is how little of a thing is as good as none.
const hidden = 0.1

func (c *trialFlags) judge(ctx context.Context, g *app.Globals, t lagTrial, rules track.Rules) (k lockCase, err error) {
	n, right := 0, 0
	var last *pipeline.View
	_, err = c.watch(ctx, g, t, line.Config{Rules: rules}, func(v *pipeline.View, truth model.Box, seen float64) {
		n++
		if v.HasBox() && seen >= hidden && v.Box.IoU(truth) >= 0.5 || !v.HasBox() && seen <= plainly {
			right++
		}
		if last != nil && last.State != v.State {
			k.Changes++
		}
		now := *v
		last, k.Targets = &now, v.Track
	})
	k.Right = model.Round(float64(right)/max(1, float64(n)), 3)
	return k, err
}

func (r *LockReport) Print(w io.Writer) error {
	wide := 20
	for _, s := range r.Scenes {
		wide = max(wide, len(s.Name))
	}
	_, err := fmt.Fprintf(w, "share of frames shown right, changes of state, targets taken; about %g answers a second\n%-*s %22s %22s\n", r.Answers, wide, "scene", "answers as they come", "locked")
	for _, s := range r.Scenes {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-*s %14.3f %3d %3d %14.3f %3d %3d\n", wide, s.Name, s.Raw.Right, s.Raw.Changes, s.Raw.Targets, s.Locked.Right, s.Locked.Changes, s.Locked.Targets)
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "%-*s %14.3f %22.3f\n", wide, "mean", r.Raw, r.Locked)
	}
	return err
}

// rendered are scenes as trials, as long as --seconds says.
func (c *trialFlags) rendered(scenes []*scene.Scene) []lagTrial {
	var trials []lagTrial
	for _, s := range scenes {
		s.Long = min(s.Long, time.Duration(c.Seconds*float64(time.Second)))
		trials = append(trials, lagTrial{
			name: s.Name, phrase: model.Phrase{Text: scene.Target}, truth: s.Truth, answer: s.Answer,
			open: func(context.Context) (pipeline.Source, func() error, error) {
				return scene.NewPlayer(s), func() error { return nil }, nil
			},
		})
	}
	return trials
}

// plainly is how much of a thing must be seen for its box to be judged.
const plainly = 0.5

// watch plays the trial on l and hands look every view after the first answer,
// with what is true at the moment it is shown.
func (c *trialFlags) watch(ctx context.Context, g *app.Globals, t lagTrial, how line.Config, look func(v *pipeline.View, truth model.Box, seen float64)) (_ *pipeline.Timings, err error) {
	from, closeIt, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeIt()) }()
	how.From, how.Log = from, g.Log
	how.By = scene.Oracle{Answer: t.answer, Delay: time.Duration(float64(time.Second) / c.Answers)}
	how.Window = sinkFunc(func(f *camera.Frame, views []pipeline.View) error {
		now := (f.PTS + time.Since(f.At)).Seconds()
		if now > c.Seconds {
			return io.EOF
		}
		if views[0].Seq > 0 {
			box, seen := t.truth(t.phrase.Text, now)
			look(&views[0], box, seen)
		}
		return nil
	})
	l := line.New(how)
	l.SetPhrases([]model.Phrase{t.phrase})
	return l.Timings(), l.Live(ctx)
}
