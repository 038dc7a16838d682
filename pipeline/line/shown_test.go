package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/track"
)

// pan is a source of a textured scene that moves two pixels to the right a frame. Its
// second frame comes when the first was answered, the next ones when the one before
// was shown.
type pan struct {
	n        uint64
	answered func() bool
	shown    atomic.Uint64
}

func (p *pan) Next(ctx context.Context, f *camera.Frame) error {
	for p.n > 0 && (!p.answered() || p.shown.Load() < p.n) {
		if err := camera.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	p.n++
	f.Resize(160, 120)
	f.Seq, f.At = p.n, time.Now()
	for y := range f.Height {
		for x := range f.Width {
			u, v := float64(x)-2*float64(p.n), float64(y)
			grey := byte(128 + 50*math.Sin(u/5+math.Sin(v/7)) + 50*math.Cos(v/4+math.Cos(u/6)))
			at := 3 * (y*f.Width + x)
			f.Pix[at], f.Pix[at+1], f.Pix[at+2] = grey, grey, grey
		}
	}
	return nil
}

// once is a model that answers the first frame and then no more.
type once struct{ asked atomic.Bool }

func (o *once) Ground(ctx context.Context, _ *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	if o.asked.Swap(true) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []model.Answer{{Phrase: ps[0].Text, Present: true, Boxes: []model.Box{{X1: 40, Y1: 30, X2: 100, Y2: 90}}, Scores: []float32{0.9}}}, nil
}

// Between answers a box goes with what is in it, unless that is turned off.
func TestLiveCarriesBoxes(t *testing.T) {
	const frames = 10
	for name, tt := range map[string]struct {
		noCarry bool
		x       float64
	}{"carried": {false, 40 + 2*(frames-1)}, "standing still": {true, 40}} {
		t.Run(name, func(t *testing.T) {
			source := &pan{}
			var last pipeline.View
			rules := track.DefaultRules
			rules.Stale = time.Hour // a machine that is slow hides no box here
			l := New(Config{From: source, By: &once{}, Rules: rules, NoCarry: tt.noCarry, Window: show(func(f *camera.Frame, vs []pipeline.View) error {
				source.shown.Store(f.Seq)
				if last = vs[0]; f.Seq == frames {
					return io.EOF
				}
				return nil
			})})
			source.answered = func() bool { return l.Stats().Answered > 0 }
			l.SetPhrases(phrases("a cup"))
			if err := l.Live(t.Context()); err != nil {
				t.Fatal(err)
			}
			if last.Seq != 1 || !(math.Abs(float64(last.Box.X1)-tt.x) <= 1 && math.Abs(float64(last.Box.X2)-tt.x-60) <= 1) {
				t.Errorf("after %d frames the box is %v by the answer on %d, want it at %v", frames, last.Box, last.Seq, tt.x)
			}
		})
	}
}

// told is how often a text log has a number of that name, and their sum.
func (j *journal) told(name string) (times int, sum uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, word := range strings.Fields(j.text.String()) {
		var n uint64
		if text, ok := strings.CutPrefix(word, name+"="); ok {
			if _, err := fmt.Sscan(text, &n); err == nil {
				times, sum = times+1, sum+n
			}
		}
	}
	return times, sum
}

// Each second's line says what happened in that second, not since the beginning.
func TestReportCountsASecond(t *testing.T) {
	var log journal
	names := []string{"frames", "answers", "shown", "skipped"}
	l := New(Config{
		From: pattern(0), By: slow{20 * time.Millisecond}, NoCarry: true, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Window: show(func(*camera.Frame, []pipeline.View) error {
			for _, name := range names {
				if times, sum := log.told(name); times < 2 || sum == 0 {
					return nil
				}
			}
			return io.EOF
		}),
	})
	l.SetPhrases(phrases("a cup"))
	if err := l.Live(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	for i, all := range []uint64{s.Captured, s.Answered, s.Shown, s.Skipped} {
		if times, sum := log.told(names[i]); sum > all {
			t.Errorf("%d lines tell of %d %s, there were %d", times, sum, names[i], all)
		}
	}
}

// Only views that have an answer have an age.
func TestAgesAreThoseOfAnswers(t *testing.T) {
	const by = 20 * time.Millisecond
	for name, tt := range map[string]struct {
		model    pipeline.Grounder
		want     int // ages of 5 frames and 2 phrases
		youngest time.Duration
	}{"answers": {slow{by}, 10, by}, "no answers": {wrong{err: model.ErrNoAnswer}, 0, 0}} {
		l := New(Config{From: pattern(5), By: tt.model, Window: show(func(_ *camera.Frame, vs []pipeline.View) error {
			for _, v := range vs {
				if v.Age < tt.youngest || tt.want == 0 && v.Age != 0 {
					t.Errorf("%s: %v old", name, v.Age)
				}
			}
			return nil
		})})
		l.SetPhrases(phrases("a cup", "a dog"))
		if err := l.Recording(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.Spread(pipeline.StageAge); got.N != tt.want || got.P50 < tt.youngest {
			t.Errorf("%s: ages %+v, want %d", name, got, tt.want)
		}
	}
}

// An answer is fresh the first time that it is shown.
func TestFreshOncePerAnswer(t *testing.T) {
	var shown atomic.Int64
	distinct := map[uint64]bool{}
	l := New(Config{From: pattern(0), By: slow{10 * time.Millisecond}, NoCarry: true, Window: show(func(f *camera.Frame, vs []pipeline.View) error {
		if vs[0].Seq > 0 {
			distinct[vs[0].Seq] = true
		}
		if len(distinct) < 5 {
			return nil
		}
		return until(1, &shown).Show(t.Context(), f, vs)
	})})
	l.SetPhrases(phrases("a cup"))
	if err := l.Live(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.Spread(pipeline.StageFresh).N; got != 5 {
		t.Errorf("%d fresh answers of 5", got)
	}
}

// together is a model that counts how many frames it answers at once.
type together struct {
	slow
	now, most atomic.Int64
}

func (m *together) Ground(ctx context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	n := m.now.Add(1)
	defer m.now.Add(-1)
	for most := m.most.Load(); n > most && !m.most.CompareAndSwap(most, n); most = m.most.Load() {
	}
	return m.slow.Ground(ctx, f, ps)
}

func TestParallelIsTheMostAtOnce(t *testing.T) {
	by := &together{slow: slow{2 * time.Millisecond}}
	l := New(Config{From: pattern(30), By: by, Parallel: 1, Window: show(func(*camera.Frame, []pipeline.View) error { return nil })})
	l.SetPhrases(phrases("a cup"))
	if err := l.Recording(t.Context()); err != nil || by.most.Load() != 1 {
		t.Errorf("%d frames answered at once, want 1: %v", by.most.Load(), err)
	}
}

// Frames are drawn on for whoever wants that and for nobody else, on memory that is
// used again.
func TestDrawnForTheWindow(t *testing.T) {
	const frames, ink = 60, 77
	for name, tt := range map[string]struct {
		window bool
		needs  pipeline.Needs
		drawn  int64
	}{
		"a window":            {true, pipeline.NoPixels, frames},
		"a drawn output":      {false, pipeline.Drawn, frames},
		"nobody wants it":     {false, pipeline.NoPixels, 0},
		"undrawn ones do not": {false, pipeline.Undrawn, 0},
	} {
		var drawn atomic.Int64
		memory := map[*camera.Frame]bool{}
		c := Config{From: pattern(frames), By: slow{}, Draw: func(f *camera.Frame, _ []pipeline.View) {
			drawn.Add(1)
			memory[f] = true
			f.Pix[0] = ink
		}}
		if tt.window {
			c.Window = show(func(f *camera.Frame, _ []pipeline.View) error {
				if f.Pix[0] != ink {
					t.Errorf("%s: frame %d is not drawn on", name, f.Seq)
				}
				return nil
			})
		}
		c.Outputs = []pipeline.Output{{Name: "x", Needs: tt.needs, EveryFrame: true, To: show(func(f *camera.Frame, _ []pipeline.View) error { return nil })}}
		l := New(c)
		l.SetPhrases(phrases("a cup"))
		if err := l.Recording(t.Context()); err != nil || drawn.Load() != tt.drawn {
			t.Errorf("%s: %d of %d frames drawn on, want %d: %v", name, drawn.Load(), frames, tt.drawn, err)
		}
		if most := DefaultParallel + underWay + 1; len(memory) > most {
			t.Errorf("%s: drawn on %d frames of memory, want at most %d", name, len(memory), most)
		}
		once := map[*sharedFrame]bool{}
		for _, f := range l.pool.free {
			if once[f] {
				t.Errorf("%s: a frame was released twice", name)
			}
			once[f] = true
		}
		if s := l.Outputs()[0]; s.Shown != frames {
			t.Errorf("%s: the output has shown %d of %d", name, s.Shown, frames)
		}
	}
}

// hours gives frames an hour apart, the first of them an hour into the recording, and
// the second right after it.
type hours struct{ n int }

func (h *hours) Next(_ context.Context, f *camera.Frame) error {
	f.PTS = []time.Duration{time.Hour, time.Hour + time.Millisecond, 2 * time.Hour}[h.n]
	h.n++
	return nil
}

func TestPacedFromAnyPlace(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	hang := time.AfterFunc(time.Minute, stop)
	defer hang.Stop()
	p := &Paced{From: &hours{}}
	var f camera.Frame
	if err := errors.Join(p.Next(ctx, &f), p.Next(ctx, &f)); err != nil {
		t.Fatalf("a millisecond later by the recording: %v", err)
	}
	stop()
	if err := p.Next(ctx, &f); !errors.Is(err, context.Canceled) {
		t.Errorf("a frame due in an hour, cancelled: %v", err)
	}
}
