package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// further are asked beside the phrase of the bench: about as long as people say.
var further = []string{"the dog on the right", "a red cup", "the man with a blue hat", "second chair from the left"}

// phraseCost is what phrases cost on one frame, ms.
type phraseCost struct {
	One     float64 `json:"one"`     // all that one phrase needs, the picture's own part included
	Further float64 `json:"further"` // each one more, in the same run
}

// phraseRounds is how often one and several phrases take turns.
const phraseRounds = 9

// phrases measures one phrase and several in turns on the source's first frame.
func (b *bench) phrases(ctx context.Context) (cost phraseCost, err error) {
	more := further[:min(len(further), b.by.Bundle.Limits.MaxPhrases-1)]
	if len(more) == 0 {
		return cost, nil
	}
	others, err := b.by.Phrases(more)
	if err != nil {
		return cost, err
	}
	src := &endless{ref: b.ref, log: b.Globals}
	defer func() { err = errors.Join(err, src.Close()) }()
	var f camera.Frame
	if err := src.Next(ctx, &f); err != nil {
		return cost, err
	}
	one := []model.Phrase{b.phrase}
	all := append(one[:1:1], others...)
	if _, err := b.by.Ground(ctx, &f, all); err != nil { // reads the words, makes the tensors
		return cost, err
	}
	var alone, extra []float64
	for range phraseRounds {
		first, err := b.took(ctx, &f, one)
		if err != nil {
			return cost, err
		}
		together, err := b.took(ctx, &f, all)
		if err != nil {
			return cost, err
		}
		alone = append(alone, app.MS(first))
		extra = append(extra, app.MS(together-first)/float64(len(others)))
	}
	return phraseCost{One: median(alone), Further: median(extra)}, nil
}

// took is what the network needs for phrases on f.
func (b *bench) took(ctx context.Context, f *camera.Frame, phrases []model.Phrase) (time.Duration, error) {
	began := time.Now()
	if _, err := b.by.Ground(ctx, f, phrases); err != nil {
		return 0, fmt.Errorf("measure %d phrases: %w", len(phrases), err)
	}
	return time.Since(began), nil
}
