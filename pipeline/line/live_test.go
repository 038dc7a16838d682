package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
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
	l := New(Config{From: pattern(0), By: behind{late, &shown}, NoCarry: true, Window: show(func(f *camera.Frame, vs []pipeline.View) error {
		if f.Seq <= last {
			t.Errorf("frame %d shown after %d", f.Seq, last)
		}
		last = f.Seq
		return until(frames, &shown).Show(t.Context(), f, vs)
	})})
	l.SetPhrases(phrases("a cup"))
	if err := l.Live(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	if s.Skipped == 0 || s.Answered == 0 || s.Answered > frames/late+1 {
		t.Errorf("%d frames with a model that is %d of them late: %+v", frames, late, s)
	}
	if p := l.times.Of(pipeline.StageModel); p.N != int(s.Answered) || p.P50 <= 0 {
		t.Errorf("model times are %+v of %d answers", p, s.Answered)
	}
}

func TestNoAnswerUnderAnotherPhrase(t *testing.T) {
	var shown atomic.Int64
	asked := atomic.Pointer[string]{}
	var asking sync.Mutex // no answer to a new phrase begins while it is held
	l := New(Config{From: pattern(0), By: held{slow{3 * time.Millisecond}, &asking}})
	ask := func(text string) {
		l.SetPhrases(phrases(text))
		asked.Store(&text)
	}
	ask("p0")
	l.c.Window = show(func(f *camera.Frame, vs []pipeline.View) error {
		if len(vs) != 1 {
			t.Fatalf("%d views of one phrase", len(vs))
		}
		if n := shown.Add(1); n%7 == 0 {
			asking.Lock()
			defer asking.Unlock()
			ask(fmt.Sprintf("p%d", n))
			if v := l.targets.Views(time.Now())[0]; v.State != pipeline.Searching || v.HasBox() || v.Seq != 0 {
				t.Errorf("right after a new phrase: %+v", v)
			}
		} else if n > 100 {
			return io.EOF
		} else if vs[0].Phrase != *asked.Load() {
			t.Errorf("shown under %q, asked %q", vs[0].Phrase, *asked.Load())
		}
		return nil
	})
	if err := l.Live(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// held is slow, and begins when nobody holds before.
type held struct {
	slow
	before *sync.Mutex
}

func (g held) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	g.before.Lock()
	//lint:ignore SA2001 it waits until nobody holds it
	g.before.Unlock()
	return g.slow.Ground(ctx, f, ps)
}

// late asks for another phrase while it works on the old one.
type late struct {
	l    *Line
	once atomic.Bool
}

func (g *late) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	if g.once.CompareAndSwap(false, true) {
		g.l.SetPhrases(phrases("new", "kept"))
	}
	return slow{}.Ground(ctx, f, ps)
}

func TestAnswerToAPhraseNobodyAsksAnyMore(t *testing.T) {
	l := New(Config{From: pattern(1)})
	l.c.By = &late{l: l}
	l.c.Window = show(func(_ *camera.Frame, vs []pipeline.View) error {
		if len(vs) != 2 || vs[0].Phrase != "new" || vs[0].State != pipeline.Searching || vs[1].Phrase != "kept" || vs[1].State != pipeline.Locked {
			t.Errorf("views are %+v", vs)
		}
		return nil
	})
	l.SetPhrases(phrases("old", "kept", "kept"))
	if err := l.Recording(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A journal is a log that tests read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// count is how often it has text.
func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), text)
}

func TestAnOutputThatHangsNeverSlowsTheLine(t *testing.T) {
	var log journal
	free := make(chan struct{})
	var begun atomic.Int64
	l := New(Config{
		From: pattern(0), By: slow{}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Window: show(func(*camera.Frame, []pipeline.View) error {
			if log.count("output=turtle") > 0 { // it was told once, a second after
				close(free)
				return io.EOF
			}
			return nil
		}),
		Outputs: []pipeline.Output{{Name: "turtle", To: show(func(*camera.Frame, []pipeline.View) error {
			begun.Add(1)
			<-free
			return nil
		})}},
	})
	if err := l.Live(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := l.Outputs()[0]
	if s.Name != "turtle" || s.Skipped == 0 || s.Skipped+2 < l.Stats().Shown-1 || s.Errors != 0 || begun.Load() > 2 {
		t.Errorf("%d frames were shown beside an output that hangs: %+v, %d calls", l.Stats().Shown, s, begun.Load())
	}
}

func TestARecordingDropsNothing(t *testing.T) {
	var seen []uint64
	to := show(func(f *camera.Frame, vs []pipeline.View) error {
		seen = append(seen, f.Seq)
		if len(vs) != 1 || vs[0].Seq != f.Seq || vs[0].Box.X1 != float32(f.Seq%8) {
			t.Errorf("frame %d is shown with %+v", f.Seq, vs)
		}
		return nil
	})
	l := New(Config{From: pattern(50), By: slow{time.Millisecond}, Window: to})
	l.SetPhrases(phrases("a cup"))
	if err := l.Recording(t.Context()); err != nil {
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
	none := show(func(*camera.Frame, []pipeline.View) error { return nil })
	fails := show(func(*camera.Frame, []pipeline.View) error { return errBroken })
	for name, tt := range map[string]struct {
		line *Line
		want string // in the error; "" for none
	}{
		"source dry":           {New(Config{From: dry{io.EOF}, By: slow{}, Window: none}), ""},
		"source broken":        {New(Config{From: dry{camera.ErrLost}, By: slow{}, Window: none}), "connection lost"},
		"model broken":         {New(Config{From: pattern(9), By: wrong{err: errBroken}, Window: none}), "broken"},
		"model counts wrong":   {New(Config{From: pattern(9), By: wrong{}, Window: none}), "0 answers to 1"},
		"model answers other":  {New(Config{From: pattern(9), By: wrong{answers: []model.Answer{{Phrase: "b"}}}, Window: none}), `"b" answered`},
		"sink broken":          {New(Config{From: pattern(9), By: slow{}, Window: fails}), "broken"},
		"sink beside broken":   {New(Config{From: pattern(0), By: slow{}, Outputs: []pipeline.Output{{Name: "x", To: fails}}}), "broken"},
		"one of several sinks": {New(Config{From: pattern(9), By: slow{}, Window: none, Outputs: []pipeline.Output{{Name: "x", To: fails, EveryFrame: true}}}), "x: broken"},
	} {
		for way, run := range map[string]func(context.Context) error{"live": tt.line.Live, "every": tt.line.Recording} {
			t.Run(name+"/"+way, func(t *testing.T) {
				if _, ok := tt.line.c.From.(*camera.Pattern); ok {
					tt.line.c.From = pattern(0) // one that ends could end before the stage that is tried
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
	for name, run := range map[string]func(*Line, context.Context) error{"live": (*Line).Live, "every": (*Line).Recording} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, stop)
			l := New(Config{From: pattern(0), By: slow{time.Minute}})
			l.SetPhrases(phrases("a"))
			if err := run(l, ctx); err != nil { // it hangs where ctx does not end it
				t.Error(err)
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
	if err := (New(Config{From: silent{}, By: slow{}, Window: s})).Live(t.Context()); err != nil || s.n != 3 {
		t.Errorf("idled %d times, %v", s.n, err)
	}
}

func TestNoPhraseNoQuestion(t *testing.T) {
	l := New(Config{From: pattern(3), By: wrong{err: errBroken}, Window: show(func(_ *camera.Frame, vs []pipeline.View) error {
		if len(vs) != 0 {
			t.Errorf("views without a phrase: %v", vs)
		}
		return nil
	})})
	if err := l.Recording(t.Context()); err != nil || l.Stats().Shown != 3 {
		t.Errorf("%+v, %v", l.Stats(), err)
	}
	if got := l.Phrases(); len(got) != 0 {
		t.Errorf("Phrases() = %q", got)
	}
}

func TestPacedAndRepeated(t *testing.T) {
	ref := camera.Ref{Kind: camera.TestPattern, Width: 8, Height: 8, FPS: 50, Frames: 6}
	p := &Paced{From: camera.NewPattern(ref)}
	var f camera.Frame
	start := time.Now()
	for range ref.Frames {
		if err := p.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 90*time.Millisecond {
		t.Errorf("5 periods of 20 ms took %v", took)
	}
	r := &RepeatLast{From: pattern(1)}
	for want := range uint64(3) {
		if err := r.Next(t.Context(), &f); err != nil || f.Seq != want+1 || f.Width != 32 {
			t.Errorf("frame %d: seq %d, %v", want+1, f.Seq, err)
		}
	}
	if err := (&RepeatLast{From: dry{io.EOF}}).Next(t.Context(), &f); !errors.Is(err, io.EOF) {
		t.Errorf("repeated nothing: %v", err)
	}
}

// cut gives frames of the pattern, and then an error.
type cut struct {
	pipeline.Source
	err error
}

func (c cut) Next(ctx context.Context, f *camera.Frame) error {
	if err := c.Source.Next(ctx, f); !errors.Is(err, io.EOF) {
		return err
	}
	return c.err
}

func TestRepeatedAfterPicturesThatAreBroken(t *testing.T) {
	r := &RepeatLast{From: cut{pattern(1), camera.ErrNoPicture}}
	var f camera.Frame
	for range 3 {
		if err := r.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&RepeatLast{From: dry{camera.ErrNoPicture}}).Next(t.Context(), &f); !errors.Is(err, camera.ErrNoPicture) {
		t.Errorf("no picture at all: %v", err)
	}
	r = &RepeatLast{From: cut{pattern(1), camera.ErrLost}}
	if err := errors.Join(r.Next(t.Context(), &f), r.Next(t.Context(), &f)); !errors.Is(err, camera.ErrLost) {
		t.Errorf("a lost source is repeated: %v", err)
	}
}
