package pipeline

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

// paused is a source that takes its time for each frame.
type paused struct {
	Source
	by time.Duration
}

func (p paused) Next(ctx context.Context, f *camera.Frame) error {
	if err := pause(ctx, p.by); err != nil {
		return err
	}
	return p.Source.Next(ctx, f)
}

// ready is a model that notes which frames were prepared.
type ready struct {
	slow
	prepared, answered atomic.Int64
	err                error
}

func (r *ready) Prepare(*camera.Frame) error {
	r.prepared.Add(1)
	return r.err
}

func (r *ready) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	r.answered.Add(1)
	return r.slow.Ground(ctx, f, ps)
}

func TestEveryReadsAnswersAndShowsAtOnce(t *testing.T) {
	const each, frames = 15 * time.Millisecond, 20
	by := &ready{slow: slow{each}}
	shown := 0
	l := &Live{From: paused{pattern(frames), each}, By: by, To: show(func(_ *camera.Frame, vs []View) error {
		shown++
		if len(vs) != 1 || vs[0].Age < each {
			t.Errorf("shown with %+v after %v", vs, each)
		}
		time.Sleep(each)
		return nil
	})}
	l.SetPhrases(phrases("a cup"))
	start := time.Now()
	if err := l.RunEvery(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 2*frames*each {
		t.Errorf("%d frames of three times %v took %v: one after the other", frames, each, took)
	}
	if shown != frames || by.prepared.Load() != frames || by.answered.Load() != frames {
		t.Errorf("%d frames: %d prepared, %d answered, %d shown", frames, by.prepared.Load(), by.answered.Load(), shown)
	}
}

func TestFramesBeforeABrokenOneAreShown(t *testing.T) {
	var shown atomic.Int64
	l := &Live{From: cut{pattern(5), camera.ErrLost}, By: slow{5 * time.Millisecond}, To: until(99, &shown)}
	l.SetPhrases(phrases("a cup"))
	if err := l.RunEvery(t.Context()); err == nil || shown.Load() != 5 {
		t.Errorf("%d frames of 5 shown, then %v", shown.Load(), err)
	}
}

func TestPrepare(t *testing.T) {
	for name, tt := range map[string]struct {
		ahead, every bool
		asked        []model.Phrase
		want         bool
	}{
		"live":              {false, false, phrases("a"), false},
		"live, ahead":       {true, false, phrases("a"), true},
		"nothing asked":     {true, false, nil, false},
		"every":             {false, true, phrases("a"), true},
		"every, none asked": {false, true, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			by := &ready{}
			var shown atomic.Int64
			l := &Live{From: pattern(0), By: by, To: until(3, &shown), Ahead: tt.ahead}
			l.SetPhrases(tt.asked)
			run := l.Run
			if tt.every {
				run = l.RunEvery
			}
			if err := run(t.Context()); err != nil || by.prepared.Load() > 0 != tt.want {
				t.Errorf("%d frames prepared, %v", by.prepared.Load(), err)
			}
			l.To = nil // nothing but the frame ends it
			if by.err = errBroken; tt.want && run(t.Context()) == nil {
				t.Error("a frame that cannot be prepared ends nothing")
			}
		})
	}
}
