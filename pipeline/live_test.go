package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

// behind answers a frame only when so many others were shown meanwhile.
type behind struct {
	by    int64
	shown *atomic.Int64
}

func (b behind) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	for due := b.shown.Load() + b.by; b.shown.Load() < due; {
		if err := camera.Sleep(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
	return slow{}.Ground(ctx, f, ps)
}

func TestLiveShowsEveryNewestFrameWhileTheModelIsSlow(t *testing.T) {
	var shown atomic.Int64
	var last uint64
	const frames, late = 60, 8
	l := &Live{From: pattern(0), By: behind{late, &shown}, Still: true, To: show(func(f *camera.Frame, vs []View) error {
		if f.Seq <= last {
			t.Errorf("frame %d shown after %d", f.Seq, last)
		}
		last = f.Seq
		return until(frames, &shown).Show(t.Context(), f, vs)
	})}
	l.SetPhrases(phrases("a cup"))
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	if s.Skipped == 0 || s.Answered == 0 || s.Answered > frames/late+1 {
		t.Errorf("%d frames with a model that is %d of them late: %+v", frames, late, s)
	}
	if p := l.Times.Of(Model); p.N != int(s.Answered) || p.P50 <= 0 {
		t.Errorf("model times are %+v of %d answers", p, s.Answered)
	}
}

func TestNoAnswerUnderAnotherPhrase(t *testing.T) {
	var shown atomic.Int64
	asked := atomic.Pointer[string]{}
	l := &Live{From: pattern(0), By: slow{3 * time.Millisecond}}
	ask := func(text string) {
		l.SetPhrases(phrases(text))
		asked.Store(&text)
	}
	ask("p0")
	l.To = show(func(f *camera.Frame, vs []View) error {
		if len(vs) != 1 {
			t.Fatalf("%d views of one phrase", len(vs))
		}
		if n := shown.Add(1); n%7 == 0 {
			ask(fmt.Sprintf("p%d", n))
			if v := l.targets.views(time.Now())[0]; v.State != Searching || v.HasBox() || v.Seq != 0 {
				t.Errorf("right after a new phrase: %+v", v)
			}
		} else if n > 100 {
			return io.EOF
		} else if vs[0].Phrase != *asked.Load() {
			t.Errorf("shown under %q, asked %q", vs[0].Phrase, *asked.Load())
		}
		return nil
	})
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// late asks for another phrase while it works on the old one.
type late struct {
	l    *Live
	once atomic.Bool
}

func (g *late) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	if g.once.CompareAndSwap(false, true) {
		g.l.SetPhrases(phrases("new", "kept"))
	}
	return slow{}.Ground(ctx, f, ps)
}

func TestAnswerToAPhraseNobodyAsksAnyMore(t *testing.T) {
	l := &Live{From: pattern(1)}
	l.By = &late{l: l}
	l.To = show(func(_ *camera.Frame, vs []View) error {
		if len(vs) != 2 || vs[0].Phrase != "new" || vs[0].State != Searching || vs[1].Phrase != "kept" || vs[1].State != Locked {
			t.Errorf("views are %+v", vs)
		}
		return nil
	})
	l.SetPhrases(phrases("old", "kept", "kept"))
	if err := l.RunEvery(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSlowSinkNeverSlowsTheLine(t *testing.T) {
	var shown, beside atomic.Int64
	var log bytes.Buffer
	l := &Live{
		From: pattern(0), By: slow{}, To: until(240, &shown), Log: slog.New(slog.NewTextHandler(&log, nil)),
		Beside: []Beside{{Name: "turtle", To: show(func(*camera.Frame, []View) error {
			beside.Add(1)
			time.Sleep(100 * time.Millisecond)
			return nil
		})}},
	}
	start := time.Now()
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	if took > 20*time.Second || beside.Load() > 2+int64(took/(100*time.Millisecond)) {
		t.Errorf("240 frames at 200/s took %v; the slow sink saw %d", took, beside.Load())
	}
	if of := l.Times.Of(Show); of.P99 < 100*time.Millisecond {
		t.Errorf("a sink that takes 100 ms shows in the times as %v", of)
	}
	if n := strings.Count(log.String(), "sink=turtle"); n < 1 || n > int(took/time.Second) {
		t.Errorf("%d warnings in %v:\n%s", n, took, &log)
	}
}

func TestEveryDropsNothing(t *testing.T) {
	var seen []uint64
	to := show(func(f *camera.Frame, vs []View) error {
		seen = append(seen, f.Seq)
		if len(vs) != 1 || vs[0].Seq != f.Seq || vs[0].Box.X1 != float32(f.Seq%8) {
			t.Errorf("frame %d is shown with %+v", f.Seq, vs)
		}
		return nil
	})
	if err := Every(t.Context(), pattern(50), slow{time.Millisecond}, to, phrases("a cup")); err != nil {
		t.Fatal(err)
	}
	for i, seq := range seen {
		if seq != uint64(i+1) {
			t.Fatalf("frame %d has number %d", i+1, seq)
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d of 50 frames shown", len(seen))
	}
}

// dry is a source that ends with an error at once.
type dry struct{ err error }

func (d dry) Next(context.Context, *camera.Frame) error { return d.err }

// wrong is a model that answers with what it is made of.
type wrong struct {
	answers []model.Answer
	err     error
}

func (w wrong) Ground(context.Context, *camera.Frame, []model.Phrase) ([]model.Answer, error) {
	return w.answers, w.err
}

func TestLineEnds(t *testing.T) {
	none := show(func(*camera.Frame, []View) error { return nil })
	fails := show(func(*camera.Frame, []View) error { return errBroken })
	for name, tt := range map[string]struct {
		line *Live
		want string // in the error; "" for none
	}{
		"source dry":           {&Live{From: dry{io.EOF}, By: slow{}, To: none}, ""},
		"source broken":        {&Live{From: dry{camera.ErrLost}, By: slow{}, To: none}, "connection lost"},
		"model broken":         {&Live{From: pattern(9), By: wrong{err: errBroken}, To: none}, "broken"},
		"model counts wrong":   {&Live{From: pattern(9), By: wrong{}, To: none}, "0 answers to 1"},
		"model answers other":  {&Live{From: pattern(9), By: wrong{answers: []model.Answer{{Phrase: "b"}}}, To: none}, `"b" answered`},
		"sink broken":          {&Live{From: pattern(9), By: slow{}, To: fails}, "broken"},
		"sink beside broken":   {&Live{From: pattern(0), By: slow{}, Beside: []Beside{{Name: "x", To: fails}}}, "broken"},
		"one of several sinks": {&Live{From: pattern(9), By: slow{}, To: Sinks{none, fails}}, "broken"},
	} {
		for way, run := range map[string]func(context.Context) error{"live": tt.line.Run, "every": tt.line.RunEvery} {
			t.Run(name+"/"+way, func(t *testing.T) {
				if _, ok := tt.line.From.(*camera.Pattern); ok {
					tt.line.From = pattern(0) // one that ends could end before the stage that is tried
				}
				tt.line.SetPhrases(phrases("a"))
				err := run(t.Context())
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("ended with %v, want %q", err, tt.want)
				}
			})
		}
	}
}

func TestContextEndsTheLine(t *testing.T) {
	for name, run := range map[string]func(*Live, context.Context) error{"live": (*Live).Run, "every": (*Live).RunEvery} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, stop)
			l := &Live{From: pattern(0), By: slow{time.Minute}}
			l.SetPhrases(phrases("a"))
			start := time.Now()
			if err := run(l, ctx); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	}
}

// idle counts what it does between frames.
type idle struct {
	show
	n int
}

func (s *idle) Idle() error {
	if s.n++; s.n == 3 {
		return io.EOF
	}
	return nil
}

// silent is a source that never gives a frame.
type silent struct{}

func (silent) Next(ctx context.Context, _ *camera.Frame) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestIdleSinkWorksWhileTheSourceIsSilent(t *testing.T) {
	s := &idle{}
	if err := (&Live{From: silent{}, By: slow{}, To: s}).Run(t.Context()); err != nil || s.n != 3 {
		t.Errorf("idled %d times, %v", s.n, err)
	}
}

func TestNoPhraseNoQuestion(t *testing.T) {
	l := &Live{From: pattern(3), By: wrong{err: errBroken}, To: show(func(_ *camera.Frame, vs []View) error {
		if len(vs) != 0 {
			t.Errorf("views without a phrase: %v", vs)
		}
		return nil
	})}
	if err := l.RunEvery(t.Context()); err != nil || l.Stats().Shown != 3 {
		t.Errorf("%+v, %v", l.Stats(), err)
	}
	if got := l.Phrases(); len(got) != 0 {
		t.Errorf("Phrases() = %q", got)
	}
}

func TestPacedAndHeld(t *testing.T) {
	ref := camera.Ref{Kind: camera.TestPattern, Width: 8, Height: 8, FPS: 50, Frames: 6}
	p := &Paced{From: camera.NewPattern(ref)}
	var f camera.Frame
	start := time.Now()
	for range ref.Frames {
		if err := p.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 90*time.Millisecond || took > 20*time.Second {
		t.Errorf("5 periods of 20 ms took %v", took)
	}
	h := &Held{From: pattern(1)}
	for want := range uint64(3) {
		if err := h.Next(t.Context(), &f); err != nil || f.Seq != want+1 || f.Width != 32 {
			t.Errorf("frame %d: seq %d, %v", want+1, f.Seq, err)
		}
	}
	if err := (&Held{From: dry{io.EOF}}).Next(t.Context(), &f); !errors.Is(err, io.EOF) {
		t.Errorf("held nothing: %v", err)
	}
}

// cut gives frames of the pattern, and then an error.
type cut struct {
	Source
	err error
}

func (c cut) Next(ctx context.Context, f *camera.Frame) error {
	if err := c.Source.Next(ctx, f); !errors.Is(err, io.EOF) {
		return err
	}
	return c.err
}

func TestHeldAfterPicturesThatAreBroken(t *testing.T) {
	h := &Held{From: cut{pattern(1), camera.ErrNoPicture}}
	var f camera.Frame
	for range 3 {
		if err := h.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&Held{From: dry{camera.ErrNoPicture}}).Next(t.Context(), &f); !errors.Is(err, camera.ErrNoPicture) {
		t.Errorf("no picture at all: %v", err)
	}
	h = &Held{From: cut{pattern(1), camera.ErrLost}}
	if err := errors.Join(h.Next(t.Context(), &f), h.Next(t.Context(), &f)); !errors.Is(err, camera.ErrLost) {
		t.Errorf("a lost source is held: %v", err)
	}
}
