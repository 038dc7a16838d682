package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// pointCmd is `deixis point`.
type pointCmd struct {
	Image   string   `arg:"" placeholder:"IMAGE" help:"The picture."`
	Phrases []string `arg:"" name:"phrase" help:"What to find."`
	JSON    bool     `help:"Print JSON."`
	Out     string   `placeholder:"FILE" help:"Also write the picture with the boxes drawn (.jpg or .png)."`
}

// pointed is one element of `point --json`.
type pointed struct {
	Phrase  string       `json:"phrase"`
	Present bool         `json:"present"`
	Box     *[4]float64  `json:"box"` // x1, y1, x2, y2 in pixels; null when it is not there
	Score   float64      `json:"score"`
	Margin  float64      `json:"margin"`
	Others  [][4]float64 `json:"others"` // the next best, distinct boxes
	Size    [2]int       `json:"size"`   // width and height of the picture, pixels
	MS      pointedMS    `json:"ms"`
}

type pointedMS struct {
	Frame  float64 `json:"frame"` // resize included
	Phrase float64 `json:"phrase"`
	Ground float64 `json:"ground"`
}

// Run answers every phrase about the picture.
func (c *pointCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	var f camera.Frame
	if err := opencv.ReadImageWithin(c.Image, g.MaxPixels, &f); err != nil {
		return err
	}
	if err := notItself(camera.Ref{Kind: camera.File, Path: c.Image}, c.Out); err != nil {
		return err
	}
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	asker := by.Asker(g.Log)
	asker.Most = len(c.Phrases) // they are answered in turn
	ps, err := asker.Phrases(c.Phrases)
	if err != nil {
		return err
	}
	answers, err := groundAll(ctx, by, &f, ps)
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := drawTo(c.Out, &f, answers); err != nil {
			return app.Output(err)
		}
	}
	if c.JSON {
		found := make([]pointed, len(answers))
		for i := range answers {
			found[i] = pointedAs(&answers[i], &f)
		}
		return app.WriteJSON(g.Stdout, found)
	}
	return printAnswers(g.Stdout, answers)
}

// groundAll grounds any number of phrases, as many in one run as the bundle allows.
func groundAll(ctx context.Context, g *app.Network, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	var all []model.Answer
	for most := g.Bundle.Limits.MaxPhrases; len(ps) > 0; {
		n := min(most, len(ps))
		some, err := g.Ground(ctx, f, ps[:n])
		if err != nil {
			return nil, err
		}
		all, ps = append(all, some...), ps[n:]
	}
	return all, nil
}

// pointedAs is an answer as point prints it. What is not there has no box and
// no others, so that nobody takes one for an answer.
func pointedAs(a *model.Answer, f *camera.Frame) pointed {
	p := pointed{
		Phrase: a.Phrase, Present: a.Present, Score: model.Round(float64(a.Score()), 4), Margin: model.Round(float64(a.Margin()), 4),
		Others: [][4]float64{}, Size: [2]int{f.Width, f.Height},
		MS: pointedMS{app.MS(a.Took.Resize + a.Took.Frame), app.MS(a.Took.Phrase), app.MS(a.Took.Ground)},
	}
	if !a.Present {
		return p
	}
	best := corners(a.Box())
	p.Box = &best
	for _, b := range a.Boxes[1:] {
		if b.Area() > 0 {
			p.Others = append(p.Others, corners(b))
		}
	}
	return p
}

func printAnswers(w io.Writer, answers []model.Answer) error {
	for i := range answers {
		a := &answers[i]
		line := fmt.Sprintf("%s: not there (presence %.2f)", a.Phrase, a.Presence)
		if a.Present {
			b := a.Box()
			line = fmt.Sprintf("%s: [%.0f %.0f %.0f %.0f] score %.2f margin %.2f", a.Phrase, b.X1, b.Y1, b.X2, b.Y2, a.Score(), a.Margin())
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func corners(b model.Box) [4]float64 {
	return [4]float64{model.Round(float64(b.X1), 2), model.Round(float64(b.Y1), 2), model.Round(float64(b.X2), 2), model.Round(float64(b.Y2), 2)}
}
