package onnx

import (
	"context"
	"errors"
	"fmt"

	"deixis/camera"
	"deixis/model"
)

// ErrWrong says that a provider runs the network and gets wrong answers.
var ErrWrong = errors.New("wrong answers")

// A Golden is a picture and what is known to be the right answers about it.
type Golden struct {
	Frame   *camera.Frame
	Phrases []model.Phrase
	Answers []model.Answer // one a phrase: Boxes, Scores and Presence count
}

// How far a provider may be off: half precision and eight bits round, and two
// boxes of nearly one score may change places.
const (
	minIoU          = 0.8  // of the best box with one of the answers
	maxScoreDiff    = 0.15 // between their scores
	maxPresenceDiff = 0.15 // between the probabilities that it is there
)

// Check holds the answers of the network against golden ones. Its error is
// ErrWrong where they differ by more than rounding explains.
func (want *Golden) Check(ctx context.Context, by interface {
	Ground(context.Context, *camera.Frame, []model.Phrase) ([]model.Answer, error)
}) error {
	answers, err := by.Ground(ctx, want.Frame, want.Phrases)
	if err != nil {
		return fmt.Errorf("check itself: %w", err)
	}
	for i := range answers {
		if err := disagrees(&answers[i], &want.Answers[i]); err != nil {
			return fmt.Errorf("check itself: %w: %q: %w", ErrWrong, want.Phrases[i].Text, err)
		}
	}
	return nil
}

// disagrees says how got is another answer than want.
func disagrees(got, want *model.Answer) error {
	if d := got.Presence - want.Presence; max(d, -d) > maxPresenceDiff {
		return fmt.Errorf("there with probability %.2f, should be %.2f", got.Presence, want.Presence)
	}
	if len(want.Boxes) == 0 || want.Boxes[0].Area() == 0 {
		return nil
	}
	var best float32
	for i, b := range got.Boxes {
		if d := got.Scores[i] - want.Score(); max(d, -d) <= maxScoreDiff {
			best = max(best, b.IoU(want.Boxes[0]))
		}
	}
	if best < minIoU {
		return fmt.Errorf("no box is where the best one should be (IoU %.2f)", best)
	}
	return nil
}
