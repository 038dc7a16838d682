package onnx

import (
	"context"
	"errors"
	"fmt"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
)

// GraphsOnly runs nothing but the frame and ground graphs for a while, for one
// phrase, on images (3*size*size bytes each, red first) that are in their
// tensors beforehand. A line could be as fast if all else cost nothing. It
// returns how many rounds it made, and in what time.
func (g *Grounder) GraphsOnly(ctx context.Context, images [][]byte, p model.Phrase, long time.Duration) (rounds int, took time.Duration, err error) {
	if len(images) == 0 {
		return 0, 0, errors.New("run graphs only: no pictures")
	}
	buf, err := g.acquire()
	if err != nil {
		return 0, 0, fmt.Errorf("run graphs only: %w", err)
	}
	defer g.release(buf)
	e, _, err := g.encodePhrase(ctx, p)
	if err != nil {
		return 0, 0, err
	}
	inputs := make([]tensor[uint8], len(images))
	defer func() {
		for i := range inputs {
			err = errors.Join(err, inputs[i].free())
		}
	}()
	side := int64(g.bundle.Image.Size)
	for i, rgb := range images {
		if err := inputs[i].resize(1, side, side, 3); err != nil {
			return 0, 0, fmt.Errorf("make tensors: %w", err)
		}
		copy(inputs[i].data(), rgb)
	}
	phrase := []*embedding{e}
	if err := g.runGround(ctx, buf, phrase); err != nil { // gives the tensors of the loop their shapes
		return 0, 0, err
	}
	began := time.Now()
	for time.Since(began) < long {
		image := inputs[rounds%len(inputs)].value
		if err := g.frameRun.Run(ctx, []ort.Value{image}, []ort.Value{buf.visual.value}); err != nil {
			return 0, 0, fmt.Errorf("run frame graph: %w", err)
		}
		if err := g.runGround(ctx, buf, phrase); err != nil {
			return 0, 0, err
		}
		rounds++
	}
	return rounds, time.Since(began), nil
}
