package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/model"
	"deixis/model/onnx"
)

// mostGolden is how many golden answers a start compares with; more would make
// it slow and tell nothing more.
const mostGolden = 3

// checker says how a provider proves that it gets right answers. On the CPU
// only who asks for it pays the time.
func (g *Globals) checker(b *model.Bundle, square func(*camera.Frame, int, []byte) error, cpuToo bool) func(context.Context, *onnx.Grounder) error {
	return func(ctx context.Context, by *onnx.Grounder) error {
		cpu := by.Provider().Name == "cpu"
		if cpu && !cpuToo {
			return nil
		}
		golden, err := ReadGolden(b)
		if err == nil && golden == nil && !cpu {
			golden, err = g.reference(ctx, b, square)
		}
		if err != nil || golden == nil {
			return err
		}
		if err := golden.Check(ctx, by); err != nil {
			return err
		}
		g.Log.Debug("answers are as they should be", "provider", by.Provider().Name, "phrases", len(golden.Phrases))
		return nil
	}
}

// ReadGolden is what the trainer wrote of this very bundle: golden/ in its
// folder, or beside the folder of models. nil where there is none.
func ReadGolden(b *model.Bundle) (*onnx.Golden, error) {
	for _, dir := range []string{filepath.Join(b.Dir, "golden"), filepath.Join(b.Dir, "..", "..", "golden")} {
		golden, err := goldenIn(b, dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("read golden answers in %s: %w (write them again with `ca2m golden`)", dir, err)
		case golden != nil:
			return golden, nil
		}
	}
	return nil, nil
}

// mostAnswers bounds answers.json, bytes; ours has 3 KB.
const mostAnswers = 1 << 20

// goldenIn reads answers.json; nil when it is of another bundle.
func goldenIn(b *model.Bundle, dir string) (*onnx.Golden, error) {
	raw, err := camera.ReadRegular(filepath.Join(dir, "answers.json"), mostAnswers)
	if err != nil {
		return nil, err
	}
	var said struct {
		Image   string
		Graphs  map[string]string // SHA-256 of the fp32 graph that answered
		Answers []struct {
			Phrase  string
			Boxes   [][4]float32
			Scores  []float32
			Present float32
		}
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return nil, err
	}
	for _, name := range model.GraphNames {
		if full, ok := b.Pick(name, "fp32"); !ok || said.Graphs[name] != full.SHA256 {
			return nil, nil
		}
	}
	golden := &onnx.Golden{Frame: &camera.Frame{}}
	if err := opencv.ReadImage(filepath.Join(dir, said.Image), golden.Frame); err != nil {
		return nil, err
	}
	w, h := float32(golden.Frame.Width), float32(golden.Frame.Height)
	for _, a := range said.Answers[:min(mostGolden, len(said.Answers))] {
		p, err := b.Phrase(a.Phrase)
		if err != nil {
			return nil, err
		}
		answer := model.Answer{Phrase: a.Phrase, Presence: a.Present, Scores: a.Scores}
		for _, c := range a.Boxes {
			answer.Boxes = append(answer.Boxes, model.Box{X1: c[0] * w, Y1: c[1] * h, X2: c[2] * w, Y2: c[3] * h})
		}
		golden.Phrases, golden.Answers = append(golden.Phrases, p), append(golden.Answers, answer)
	}
	return golden, nil
}

// reference asks the CPU in full precision about a test picture, for a bundle
// that came without golden answers.
func (g *Globals) reference(ctx context.Context, b *model.Bundle, square func(*camera.Frame, int, []byte) error) (*onnx.Golden, error) {
	o := g.ONNXOptions()
	o.Provider, o.Precision, o.Square = "cpu", "fp32", square
	by, err := onnx.Open(ctx, b, o)
	if err != nil {
		return nil, err
	}
	golden := &onnx.Golden{}
	if golden.Frame, golden.Phrases, err = TestPicture(ctx, b); err == nil {
		golden.Answers, err = by.Ground(ctx, golden.Frame, golden.Phrases)
	}
	return golden, errors.Join(err, by.Close())
}

func TestPicture(ctx context.Context, b *model.Bundle) (*camera.Frame, []model.Phrase, error) {
	ref, err := camera.Parse("pattern://640x480?frames=1")
	if err != nil {
		return nil, nil, err
	}
	var f camera.Frame
	if err := camera.NewPattern(ref).Next(ctx, &f); err != nil {
		return nil, nil, err
	}
	p, err := b.Phrase("red square")
	return &f, []model.Phrase{p}, err
}
