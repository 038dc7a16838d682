package line

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// faltering is a model that cannot answer every third frame.
type faltering struct {
	slow
	n *atomic.Int64
}

func (g faltering) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	if g.n.Add(1)%3 == 0 {
		return nil, fmt.Errorf("frame %d: %w", f.Seq, model.ErrNoAnswer)
	}
	return g.slow.Ground(ctx, f, ps)
}

func TestAFrameWithoutAnAnswerIsPassedOver(t *testing.T) {
	for way, run := range map[string]func(*Line, context.Context) error{"live": (*Line).Live, "recording": (*Line).Recording} {
		var n atomic.Int64
		var l *Line
		l = New(Config{From: pattern(0), By: faltering{n: &n}, Window: show(func(*camera.Frame, []pipeline.View) error {
			if s := l.Stats(); s.Unanswered >= 3 && s.Answered >= 3 {
				return io.EOF
			}
			return nil
		})})
		l.SetPhrases(phrases("a cup"))
		if err := run(l, t.Context()); err != nil {
			t.Errorf("%s: %v", way, err)
		}
	}
}

// album is a source of three pictures of different things, and then the end.
type album struct{ n uint64 }

func (a *album) Next(_ context.Context, f *camera.Frame) error {
	if a.n == 3 {
		return io.EOF
	}
	a.n++
	f.Resize(32, 24)
	f.Seq, f.At, f.PTS, f.File = a.n, time.Now(), time.Duration(a.n)*40*time.Millisecond, fmt.Sprintf("%d.png", a.n)
	return nil
}

// firstOnly is a model that finds everything in the first picture, and nothing after.
type firstOnly struct{ slow }

func (g firstOnly) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	if f.Seq == 1 {
		return g.slow.Ground(ctx, f, ps)
	}
	return []model.Answer{{Phrase: ps[0].Text}}, nil
}

func TestUnrelatedPicturesAreAnsweredForThemselves(t *testing.T) {
	for name, tt := range map[string]struct {
		unrelated bool
		want      []pipeline.State
	}{
		"a sequence": {false, []pipeline.State{pipeline.Locked, pipeline.Lost, pipeline.Lost}},
		"unrelated":  {true, []pipeline.State{pipeline.Locked, pipeline.Absent, pipeline.Absent}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []pipeline.State
			l := New(Config{From: &album{}, By: firstOnly{}, Unrelated: tt.unrelated, Window: show(func(_ *camera.Frame, vs []pipeline.View) error {
				got = append(got, vs[0].State)
				return nil
			})})
			l.SetPhrases(phrases("a cup"))
			if err := l.Recording(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("states %v, want %v", got, tt.want)
			}
		})
	}
}
