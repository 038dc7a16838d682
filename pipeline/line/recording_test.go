package line

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/track"
)

// paused is a source that takes its time for each frame.
type paused struct {
	pipeline.Source
	by time.Duration
}

func (p paused) Next(ctx context.Context, f *camera.Frame) error {
	if err := camera.Sleep(ctx, p.by); err != nil {
		return err
	}
	return p.Source.Next(ctx, f)
}

// watched is a source that tells of each frame before it gives it.
type watched struct {
	pipeline.Source
	tell func(f *camera.Frame)
}

func (w watched) Next(ctx context.Context, f *camera.Frame) error {
	err := w.Source.Next(ctx, f)
	if err == nil {
		w.tell(f)
	}
	return err
}

// ready is a model that notes which frames were prepared.
type ready struct {
	slow
	prepared, answered atomic.Int64
	err                error
	ask                func(f *camera.Frame) // may be nil
}

func (r *ready) Prepare(*camera.Frame) error {
	r.prepared.Add(1)
	return r.err
}

func (r *ready) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	r.answered.Add(1)
	if r.ask != nil {
		r.ask(f)
	}
	return r.slow.Ground(ctx, f, ps)
}

// A meeting is where stages wait until all of them are at work.
type meeting struct {
	mu     sync.Mutex
	absent int
	all    chan struct{} // closed when nobody is absent
}

// join waits for the others, and says whether they came.
func (m *meeting) join() bool {
	m.mu.Lock()
	if m.absent--; m.absent == 0 {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return true
	case <-time.After(20 * time.Second):
		return false
	}
}

func TestEveryReadsAnswersAndShowsAtOnce(t *testing.T) {
	const frames = 20
	m := &meeting{absent: 3, all: make(chan struct{})}
	at := func(stage string, seq, frame uint64) {
		if seq == frame && !m.join() {
			t.Errorf("%s frame %d, the others do not work meanwhile", stage, frame)
		}
	}
	by := &ready{ask: func(f *camera.Frame) { at("answering", f.Seq, 2) }}
	shown := 0
	from := watched{pattern(frames), func(f *camera.Frame) { at("reading", f.Seq, 3) }}
	l := New(Config{From: from, By: by, Window: show(func(f *camera.Frame, vs []pipeline.View) error {
		shown++
		at("showing", f.Seq, 1)
		if len(vs) != 1 || vs[0].Seq != f.Seq {
			t.Errorf("frame %d shown with %+v", f.Seq, vs)
		}
		return nil
	})})
	l.SetPhrases(phrases("a cup"))
	if err := l.Recording(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shown != frames || by.prepared.Load() != frames || by.answered.Load() != frames {
		t.Errorf("%d frames: %d prepared, %d answered, %d shown", frames, by.prepared.Load(), by.answered.Load(), shown)
	}
}

// pairs answers the odd frames only after the even ones behind them.
type pairs chan struct{}

func (p pairs) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	after := slow{}
	if f.Seq%2 == 0 {
		select {
		case p <- struct{}{}:
		case <-ctx.Done():
		}
		return after.Ground(ctx, f, ps)
	}
	select {
	case <-p:
		after.by = time.Millisecond
		return after.Ground(ctx, f, ps)
	case <-time.After(10 * time.Second):
		return nil, errBroken
	}
}

func TestEveryAnswersTwoAtATimeAndShowsInOrder(t *testing.T) {
	var last uint64
	l := New(Config{From: pattern(20), By: make(pairs), Window: show(func(f *camera.Frame, vs []pipeline.View) error {
		if last++; f.Seq != last || vs[0].Seq != last {
			t.Errorf("frame %d with the answer of %d shown as number %d", f.Seq, vs[0].Seq, last)
		}
		return nil
	})})
	l.SetPhrases(phrases("a cup"))
	if err := l.Recording(t.Context()); err != nil || last != 20 {
		t.Errorf("%d frames of 20, %v", last, err)
	}
}

func TestASlowSinkMakesNoAnswerStale(t *testing.T) {
	rules := track.DefaultRules
	rules.Stale = time.Nanosecond
	shown := 0
	l := New(Config{From: pattern(8), By: slow{}, Rules: rules, Window: show(func(_ *camera.Frame, vs []pipeline.View) error {
		shown++
		time.Sleep(20 * time.Millisecond)
		if !vs[0].HasBox() {
			t.Errorf("frame %d: %v", vs[0].Seq, vs[0].State)
		}
		return nil
	})})
	l.SetPhrases(phrases("a cup"))
	if err := l.Recording(t.Context()); err != nil || shown != 8 {
		t.Errorf("%d frames of 8, %v", shown, err)
	}
}

func TestFramesBeforeABrokenOneAreShown(t *testing.T) {
	var shown atomic.Int64
	l := New(Config{From: cut{pattern(5), camera.ErrLost}, By: slow{5 * time.Millisecond}, Window: until(99, &shown)})
	l.SetPhrases(phrases("a cup"))
	if err := l.Recording(t.Context()); err == nil || shown.Load() != 5 {
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
			l := New(Config{From: pattern(0), By: by, Window: until(3, &shown), Prepare: tt.ahead})
			l.SetPhrases(tt.asked)
			run := l.Live
			if tt.every {
				run = l.Recording
			}
			if err := run(t.Context()); err != nil || by.prepared.Load() > 0 != tt.want {
				t.Errorf("%d frames prepared, %v", by.prepared.Load(), err)
			}
			l.c.Window = nil // nothing but the frame ends it
			if by.err = errBroken; tt.want && run(t.Context()) == nil {
				t.Error("a frame that cannot be prepared ends nothing")
			}
		})
	}
}

// TestAnsweredInPlaceOfTheLock: every frame is handed out in its order, those not asked
// for without an answer, and outputs see them without views.
func TestAnsweredInPlaceOfTheLock(t *testing.T) {
	by := &ready{}
	var seqs, asked []uint64
	var shown int
	l := New(Config{
		From: pattern(20), By: by,
		Ask: func(f *camera.Frame) bool { return f.Seq%3 == 1 },
		Answered: func(f *camera.Frame, answers []model.Answer) error {
			seqs = append(seqs, f.Seq)
			if len(answers) == 1 && answers[0].Seq == f.Seq {
				asked = append(asked, f.Seq)
			}
			return nil
		},
		Outputs: []pipeline.Output{{Name: "counter", EveryFrame: true, To: show(func(_ *camera.Frame, views []pipeline.View) error {
			shown += 1 + 100*len(views)
			return nil
		})}},
	})
	l.SetPhrases(phrases("it"))
	if err := l.Recording(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(seqs) != 20 || seqs[0] != 1 || seqs[19] != 20 || !slices.Equal(asked, []uint64{1, 4, 7, 10, 13, 16, 19}) || shown != 20 {
		t.Errorf("frames %d, answered %d, shown %d", seqs, asked, shown)
	}
	if p, a := by.prepared.Load(), by.answered.Load(); p != 7 || a != 7 {
		t.Errorf("%d prepared, %d answered", p, a)
	}
}

func TestAnsweredEndsTheLine(t *testing.T) {
	l := New(Config{From: pattern(20), By: slow{}, Answered: func(f *camera.Frame, _ []model.Answer) error {
		if f.Seq == 5 {
			return errBroken
		}
		return nil
	}})
	l.SetPhrases(phrases("it"))
	if err := l.Recording(t.Context()); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}
