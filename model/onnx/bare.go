package onnx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// Bare runs nothing but the frame and ground graphs for a while, on squares
// (3*size*size bytes each, red first) that are in their tensors beforehand,
// for one phrase. It is what a line could reach if all else cost nothing. It
// returns how many rounds it made, and in what time.
func (g *Grounder) Bare(ctx context.Context, squares [][]byte, p model.Phrase, long time.Duration) (rounds int, took time.Duration, err error) {
	if len(squares) == 0 {
		return 0, 0, errors.New("run bare graphs: no pictures")
	}
	l, err := g.claim()
	if err != nil {
		return 0, 0, fmt.Errorf("run bare graphs: %w", err)
	}
	defer g.release(l)
	s, _, err := g.read(p)
	if err != nil {
		return 0, 0, err
	}
	images := make([]slot[uint8], len(squares))
	defer func() {
		for i := range images {
			err = errors.Join(err, images[i].free())
		}
	}()
	side := int64(g.bundle.Image.Size)
	for i, rgb := range squares {
		if err := images[i].resize(1, side, side, 3); err != nil {
			return 0, 0, fmt.Errorf("make tensors: %w", err)
		}
		copy(images[i].data(), rgb)
	}
	states := []*state{s}
	if err := g.point(l, states); err != nil { // gives the tensors of the loop their shapes
		return 0, 0, err
	}
	began := time.Now()
	for time.Since(began) < long {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		image := images[rounds%len(images)].tensor
		if err := g.frameRun.Run([]ort.Value{image}, []ort.Value{l.visual.tensor}); err != nil {
			return 0, 0, fmt.Errorf("run frame graph: %w", err)
		}
		if err := g.point(l, states); err != nil {
			return 0, 0, err
		}
		rounds++
	}
	return rounds, time.Since(began), nil
}
