package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// bundleCmd is `deixis bundle`.
type bundleCmd struct {
	Info   bundleInfoCmd   `cmd:"" help:"Say what a bundle holds."`
	Verify bundleVerifyCmd `cmd:"" help:"Check every file of a bundle."`
}

type bundleInfoCmd struct {
	Dir  string `arg:"" optional:"" placeholder:"DIR" help:"The bundle (default: the one --bundle finds)."`
	JSON bool   `help:"Print JSON."`
}

type bundleVerifyCmd struct {
	Dir string `arg:"" optional:"" placeholder:"DIR" help:"The bundle (default: the one --bundle finds)."`
}

// dirOr is dir, or the bundle that the flags find.
func dirOr(g *app.Globals, dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	return g.FindBundle()
}

// Run says what bundle.json says.
func (c *bundleInfoCmd) Run(_ context.Context, g *app.Globals) error {
	dir, err := dirOr(g, c.Dir)
	if err != nil {
		return err
	}
	b, err := model.Read(dir)
	if err != nil {
		return err
	}
	if c.JSON {
		raw, err := camera.ReadRegular(b.Path("bundle.json"), model.MaxJSON)
		if err != nil {
			return fmt.Errorf("read bundle: %w", err)
		}
		return app.WriteJSON(g.Stdout, json.RawMessage(raw))
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s, format %d, made %s, in %s\n", b.Name, b.Format, b.Created, b.Dir)
	fmt.Fprintf(&s, "picture  %d x %d pixels, %d x %d tokens\n", b.Image.Size, b.Image.Size, b.Image.Grid, b.Image.Grid)
	fmt.Fprintf(&s, "phrases  up to %d tokens, %d at once; %d boxes each, there from presence %.2f\n",
		b.Limits.MaxTokens, b.Limits.MaxPhrases, b.Answers, b.Threshold.Present)
	for _, name := range model.GraphNames {
		for _, graph := range b.Graphs[name] {
			fmt.Fprintf(&s, "%-8s %s  %s  %s\n", name, graph.Precision, graph.File, sizeOf(b.Path(graph.File)))
		}
	}
	fmt.Fprintf(&s, "%-8s %s\n", "measured", measured(b.Measured))
	for _, part := range []struct {
		name string
		raw  json.RawMessage
	}{{"training", b.Training}, {"licences", b.Licences}} {
		if len(part.raw) > 0 {
			fmt.Fprintf(&s, "%-8s %s\n", part.name, flat(part.raw))
		}
	}
	_, err = fmt.Fprint(g.Stdout, s.String())
	return err
}

// measured is what bundle.json says of its accuracy: one number for each set of
// phrases. All the others are in `bundle info --json`.
func measured(raw json.RawMessage) string {
	var sets map[string]json.RawMessage
	if json.Unmarshal(raw, &sets) != nil {
		return "nothing"
	}
	var says []string
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		var of struct {
			N     int      `json:"n"`
			Acc50 *float64 `json:"acc50"`
		}
		if json.Unmarshal(sets[name], &of) == nil && of.Acc50 != nil {
			says = append(says, fmt.Sprintf("acc@0.5 %.3f on %d %s", *of.Acc50, of.N, name))
		}
	}
	if len(says) == 0 {
		return "nothing"
	}
	return strings.Join(says, "; ")
}

// flat is JSON on one line.
func flat(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	one, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(one)
}

func sizeOf(file string) string {
	s, err := os.Stat(file)
	if err != nil {
		return "missing"
	}
	return fmt.Sprintf("%.1f MB", float64(s.Size())/1e6)
}

// Run checks one file after the other and says of each how it stands.
func (c *bundleVerifyCmd) Run(ctx context.Context, g *app.Globals) error {
	dir, err := dirOr(g, c.Dir)
	if err != nil {
		return err
	}
	b, err := model.Read(dir)
	if err != nil {
		return err
	}
	var wrong []error
	for _, f := range b.Contents() {
		if err := ctx.Err(); err != nil {
			return err
		}
		state := "ok"
		if err := b.Check(f); err != nil {
			wrong, state = append(wrong, err), "BROKEN"
		}
		if _, err := fmt.Fprintf(g.Stdout, "%-7s %s\n", state, f.Name); err != nil {
			return err
		}
	}
	if len(wrong) == 0 { // the tokenizer is read only by Load
		_, err := model.Load(dir)
		return err
	}
	return errors.Join(wrong...)
}
