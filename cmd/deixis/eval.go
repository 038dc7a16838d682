package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// evalCmd is `deixis eval`.
type evalCmd struct {
	Refs  string `arg:"" placeholder:"REFS.jsonl" help:"Referring expressions, one JSON object a line; images relative to the file."`
	JSON  bool   `help:"Print JSON."`
	Limit int    `default:"0" min:"0" help:"Take only the first N expressions; 0 takes all."`
	Split string `placeholder:"NAME" help:"Take only this split, val say."`
}

// Run measures the bundle on the file's expressions.
func (c *evalCmd) Run(ctx context.Context, g *app.Globals) (err error) {
	if c.Limit < 0 {
		return app.Usage(fmt.Errorf("--limit: %d is below 0", c.Limit))
	}
	refs, err := app.ReadRefs(c.Refs, c.Split, c.Limit)
	if err != nil {
		return err
	}
	by, err := g.OpenNetwork(ctx, app.Wants{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, by.Close()) }()
	t, err := evaluate(ctx, g, by, refs)
	if err != nil {
		return fmt.Errorf("evaluate %s: %w", c.Refs, err)
	}
	if c.JSON {
		return app.WriteJSON(g.Stdout, t.report())
	}
	return t.report().print(g.Stdout)
}

// evaluate grounds every expression, a picture's together, and says once a
// second how far it is.
func evaluate(ctx context.Context, g *app.Globals, by *app.Network, refs []app.Ref) (*tally, error) {
	for i, r := range refs { // all first: a broken one shows at once, not after an hour
		p, err := by.Bundle.Phrase(r.Phrase)
		if err != nil {
			return nil, app.Input(fmt.Errorf("line %d: %s", r.Line, err))
		}
		refs[i].Asked = p
	}
	t := &tally{kinds: map[string]*count{}}
	var f camera.Frame
	said, done := time.Now(), 0
	for _, group := range app.ByImage(refs) {
		if err := opencv.ReadImageWithin(group[0].Image, g.MaxPixels, &f); err != nil {
			return nil, fmt.Errorf("line %d: %w", group[0].Line, err)
		}
		ps := make([]model.Phrase, len(group))
		for i, r := range group {
			ps[i] = r.Asked
		}
		began := time.Now()
		answers, err := groundAll(ctx, by, &f, ps)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", group[0].Line, err)
		}
		t.took += time.Since(began)
		for i, r := range group {
			t.add(r, &answers[i])
		}
		done += len(group)
		if time.Since(said) > time.Second {
			said = time.Now()
			g.Log.Info("evaluating", "done", done, "of", len(refs))
		}
	}
	return t, nil
}

// count is how many of n were right.
type count struct{ n, right int }

// tally adds up what the answers were worth.
type tally struct {
	all, cls       count
	kinds          map[string]*count
	iou            float64
	refused        int // things in the picture that presence would refuse
	absent, fooled int // things not in the picture, and those pointed at all the same
	took           time.Duration
}

// add judges one answer: the best box counts whether presence would refuse it
// or not, and it is right above an IoU of one half, both as in the paper.
func (t *tally) add(r app.Ref, a *model.Answer) {
	if r.Box == nil {
		t.absent++
		if a.Present {
			t.fooled++
		}
		return
	}
	iou := a.Boxes[0].IoU(*r.Box)
	t.iou += float64(iou)
	t.all.add(iou > 0.5)
	if !a.Present {
		t.refused++
	}
	if a.ClsBox != nil {
		t.cls.add(a.ClsBox.IoU(*r.Box) > 0.5)
	}
	if r.Kind != "" {
		if t.kinds[r.Kind] == nil {
			t.kinds[r.Kind] = &count{}
		}
		t.kinds[r.Kind].add(iou > 0.5)
	}
}

func (c *count) add(right bool) {
	c.n++
	if right {
		c.right++
	}
}

// share is null where there is nothing to count.
func (c *count) share() *float64 { return share(c.right, c.n) }

func share(some, of int) *float64 {
	if of == 0 {
		return nil
	}
	s := float64(some) / float64(of)
	return &s
}

// evalReport is what `eval --json` prints.
type evalReport struct {
	N       int                   `json:"n"` // expressions with a box
	Acc50   *float64              `json:"acc50"`
	Acc50C  *float64              `json:"acc50_cls"` // of the box regressed from [CLS]; null where the bundle has none
	MeanIoU *float64              `json:"mean_iou"`
	Kinds   map[string]kindReport `json:"kinds"`
	Absent  absentReport          `json:"absent"`
	Refused *float64              `json:"present_refused"`
	MSEach  float64               `json:"ms_per_ref"` // the network and its resize, not reading the picture
}

type kindReport struct {
	N     int      `json:"n"`
	Acc50 *float64 `json:"acc50"`
}

type absentReport struct {
	N             int      `json:"n"`
	FalsePointing *float64 `json:"false_pointing"`
}

func (t *tally) report() *evalReport {
	r := &evalReport{
		N: t.all.n, Acc50: t.all.share(), Acc50C: t.cls.share(), Kinds: map[string]kindReport{},
		Absent:  absentReport{t.absent, share(t.fooled, t.absent)},
		Refused: share(t.refused, t.all.n),
		MSEach:  model.Round(float64(t.took.Milliseconds())/float64(max(1, t.all.n+t.absent)), 2),
	}
	if t.all.n > 0 {
		mean := t.iou / float64(t.all.n)
		r.MeanIoU = &mean
	}
	for kind, c := range t.kinds {
		r.Kinds[kind] = kindReport{c.n, c.share()}
	}
	return r
}

// print writes the report for people.
func (r *evalReport) print(w io.Writer) error {
	say := func(x *float64) string {
		if x == nil {
			return "-"
		}
		return fmt.Sprintf("%.4f", *x)
	}
	lines := []string{fmt.Sprintf("acc@0.5 %s  mean IoU %s  on %d expressions ([CLS] box: %s)", say(r.Acc50), say(r.MeanIoU), r.N, say(r.Acc50C))}
	for _, kind := range slices.Sorted(maps.Keys(r.Kinds)) {
		lines = append(lines, fmt.Sprintf("  %-10s %s of %d", kind, say(r.Kinds[kind].Acc50), r.Kinds[kind].N))
	}
	lines = append(lines,
		fmt.Sprintf("absent: pointed at %s of %d; there, but refused: %s", say(r.Absent.FalsePointing), r.Absent.N, say(r.Refused)),
		fmt.Sprintf("%.2f ms an expression", r.MSEach))
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
