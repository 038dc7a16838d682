package listen

import (
	"context"
	"errors"
	"fmt"
	"math"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// Weights say how much the parts of a candidate's score count beside the
// logarithm of the probability that its thing is in the picture.
type Weights struct {
	Text  float64 // of the mean logarithm of a token's probability
	Point float64 // of the logarithm of the best box's score
}

// DefaultWeights are those with the most right boxes on 240 phrases about photos,
// spoken by four synthetic voices and heard with a beam of 8: 0.47, where the
// first reading has 0.42, typing 0.64, and the best reading of each 0.58. Twice
// or half of either makes little difference.
var DefaultWeights = Weights{Text: 2, Point: 4}

// A Chooser lets the picture help the ear: of several readings of an utterance
// it takes the one whose words and picture together are likeliest.
type Chooser struct {
	By      pipeline.Grounder
	Newest  func(f *camera.Frame) bool              // copies the newest frame; false where there is none
	Phrase  func(text string) (model.Phrase, error) // into the network's own words
	Most    int                                     // candidates at once, as the bundle takes
	Weights Weights

	frame camera.Frame
}

// Choose is the number of the best candidate, and how many of them were held
// against the picture: the first, and 0, without a picture. All are asked in one
// call. Candidates that are no phrases, being too long, are left out. It
// belongs to one goroutine.
func (c *Chooser) Choose(ctx context.Context, cs []Candidate) (best, n int, err error) {
	if !c.Newest(&c.frame) {
		return 0, 0, nil
	}
	var ps []model.Phrase
	var of []int // which candidate each is of
	for i := range cs {
		p, err := c.Phrase(cs[i].Phrase)
		switch {
		case errors.Is(err, model.ErrLongPhrase), errors.Is(err, model.ErrEmptyPhrase):
		case err != nil:
			return 0, 0, err
		case len(ps) < c.Most:
			ps, of = append(ps, p), append(of, i)
		}
	}
	if len(ps) < 2 {
		return first(of), 0, nil
	}
	answers, err := c.By.Ground(ctx, &c.frame, ps)
	if err != nil {
		return 0, 0, fmt.Errorf("hold %d readings against frame %d: %w", len(ps), c.frame.Seq, err)
	}
	top := math.Inf(-1)
	for j := range answers {
		reading := &cs[of[j]]
		reading.Presence, reading.Point = answers[j].Presence, answers[j].Score()
		if s := c.Weights.score(reading); s > top {
			best, top = of[j], s
		}
	}
	return best, len(ps), nil
}

// first is the first number, or 0.
func first(of []int) int {
	if len(of) == 0 {
		return 0
	}
	return of[0]
}

// score is that of a reading that was held against the picture.
func (w Weights) score(c *Candidate) float64 {
	return w.Text*c.LogProb + logOf(c.Presence) + w.Point*logOf(c.Point)
}

// logOf keeps a probability of 0 from ruling a reading out for good.
func logOf(p float32) float64 { return math.Log(math.Max(float64(p), 1e-4)) }
