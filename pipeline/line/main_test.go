package line

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is a model that takes its time and finds every phrase in a box whose
// left edge is the frame's number.
type slow struct{ by time.Duration }

func (s slow) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	if err := camera.Sleep(ctx, s.by); err != nil {
		return nil, err
	}
	answers := make([]model.Answer, len(ps))
	for i, p := range ps {
		x := float32(f.Seq % 8)
		answers[i] = model.Answer{
			Phrase: p.Text, Present: true, Presence: 1,
			Boxes: []model.Box{{X1: x, Y1: 1, X2: x + 9, Y2: 9}}, Scores: []float32{0.9},
		}
	}
	return answers, nil
}

// pattern is a source of n frames, or of a live 200 a second for n = 0.
func pattern(n int) *camera.Pattern {
	return camera.NewPattern(camera.Ref{Kind: camera.TestPattern, Width: 32, Height: 24, FPS: 200, Frames: n})
}

// phrases makes phrases of texts.
func phrases(texts ...string) []model.Phrase {
	ps := make([]model.Phrase, len(texts))
	for i, t := range texts {
		ps[i] = model.Phrase{Text: t, IDs: []int64{101, 102}}
	}
	return ps
}

// show makes a Sink of a function.
type show func(f *camera.Frame, views []pipeline.View) error

func (s show) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	return s(f, views)
}

// until is a sink that counts and says io.EOF after n frames.
func until(n int64, shown *atomic.Int64) pipeline.Sink {
	return show(func(*camera.Frame, []pipeline.View) error {
		if shown.Add(1) >= n {
			return io.EOF
		}
		return nil
	})
}

// attentive is a model that also says where it looks.
type attentive struct{ slow }

func (a attentive) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	answers, err := a.slow.Ground(ctx, f, ps)
	for i := range answers {
		answers[i].Grid, answers[i].Attention = 2, []float32{float32(f.Seq), 1, 2, 3}
	}
	return answers, err
}

// count is 1 for what is.
func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

var errBroken = errors.New("broken")
