package onnx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"deixis/camera"
	"deixis/model"
)

// acting stands in for a Grounder on one provider: it answers so many times.
type acting struct {
	name   string
	good   int  // answers before it fails; -1 never fails
	once   bool // it fails once, and then never again
	err    error
	closed *[]string

	mu sync.Mutex
}

func (a *acting) Prepare(*camera.Frame) error { return nil }
func (a *acting) chosen() Chosen              { return Chosen{Name: a.name, Precision: "fp32"} }
func (a *acting) Close() error                { *a.closed = append(*a.closed, a.name); return nil }
func (a *acting) Ground(_ context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.good == 0 {
		if a.once {
			a.good = -1
		}
		return nil, fmt.Errorf("ground frame %d: run frame graph: %w", f.Seq, a.err)
	}
	a.good--
	return []model.Answer{{Phrase: a.name, Seq: f.Seq}}, nil
}

// failover is a Failover over actors, the first of which runs.
func failover(t *testing.T, log *bytes.Buffer, actors ...*acting) (*Failover, *[]string) {
	t.Helper()
	var closed []string
	for _, a := range actors {
		a.closed = &closed
	}
	open := func(_ context.Context, provider string) (runner, Chosen, error) {
		i := slices.IndexFunc(actors, func(a *acting) bool { return a.name == provider })
		if i < 0 {
			return nil, Chosen{}, fmt.Errorf("%w: none here\n at core.cc:1", ErrProvider)
		}
		return actors[i], actors[i].chosen(), nil
	}
	return newFailover(actors[0], actors[0].chosen(), open, slog.New(slog.NewTextHandler(log, nil))), &closed
}

func TestProviderThatFailsLater(t *testing.T) {
	var log bytes.Buffer
	gpu := fmt.Errorf("%w: CUDA failure 2: out of memory", ErrRun)
	s, closed := failover(t, &log, &acting{name: "tensorrt", good: 3, err: gpu}, &acting{name: "cpu", good: -1})
	var by []string
	for seq := range uint64(6) {
		as, err := s.Ground(t.Context(), &camera.Frame{Seq: seq + 1}, nil)
		if err != nil || as[0].Seq != seq+1 {
			t.Fatalf("frame %d: %v, %v", seq+1, as, err)
		}
		by = append(by, as[0].Phrase)
	}
	if want := "tensorrt tensorrt tensorrt cpu cpu cpu"; strings.Join(by, " ") != want {
		t.Errorf("answered by %s, want %s", by, want)
	}
	c := s.Provider()
	if c.Name != "cpu" || len(c.Reasons) != 2 || !strings.Contains(c.Reasons[0], "out of memory") || !strings.Contains(c.Reasons[1], "cuda: ") {
		t.Errorf("provider %+v", c)
	}
	if strings.Count(log.String(), "\n") != 2 || !strings.Contains(log.String(), "provider failed") {
		t.Errorf("log says %s", &log)
	}
	if err := s.Close(); err != nil || len(*closed) != 2 {
		t.Errorf("closed %s, %v", *closed, err)
	}
}

// TestNoProviderIsLeft: single frames are dropped and counted, ten in a row end
// with a clear error.
func TestNoProviderIsLeft(t *testing.T) {
	for name, actors := range map[string][]*acting{
		"the CPU alone":    {{name: "cpu", good: 3, err: ErrRun}},
		"a GPU and no CPU": {{name: "cuda", good: 3, err: ErrRun}},
		"CUDA, then CPU":   {{name: "cuda", err: ErrRun}, {name: "cpu", good: 3, err: ErrRun}},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s, closed := failover(t, &log, actors...)
			for range 3 {
				if _, err := s.Ground(t.Context(), &camera.Frame{}, nil); err != nil {
					t.Fatal(err)
				}
			}
			for i := range maxUnanswered - 1 {
				if _, err := s.Ground(t.Context(), &camera.Frame{}, nil); !errors.Is(err, model.ErrNoAnswer) || !errors.Is(err, ErrRun) {
					t.Errorf("frame %d: %v, want ErrNoAnswer", i+1, err)
				}
			}
			_, err := s.Ground(t.Context(), &camera.Frame{}, nil)
			if errors.Is(err, model.ErrNoAnswer) || !errors.Is(err, ErrRun) || !strings.Contains(err.Error(), "10 frames in a row") {
				t.Errorf("the tenth: %v", err)
			}
			if n := s.Unanswered(); n != maxUnanswered {
				t.Errorf("%d frames unanswered, want %d", n, maxUnanswered)
			}
			if n := strings.Count(log.String(), "no answer"); n != 1 {
				t.Errorf("told %d times: %s", n, &log)
			}
			if err := s.Close(); err != nil || len(*closed) != len(actors) {
				t.Errorf("closed %s, %v", *closed, err)
			}
		})
	}
}

// TestOneFrameWithoutAnswer: the count in a row begins again with each answer.
func TestOneFrameWithoutAnswer(t *testing.T) {
	var log bytes.Buffer
	cpu := &acting{name: "cpu", err: ErrRun, once: true}
	s, _ := failover(t, &log, cpu)
	for i := range 3 * maxUnanswered {
		cpu.good = 0
		if _, err := s.Ground(t.Context(), &camera.Frame{}, nil); !errors.Is(err, model.ErrNoAnswer) {
			t.Fatalf("failure %d: %v", i+1, err)
		}
		if _, err := s.Ground(t.Context(), &camera.Frame{}, nil); err != nil {
			t.Fatalf("after failure %d: %v", i+1, err)
		}
	}
	if n := s.Unanswered(); n != 3*maxUnanswered {
		t.Errorf("%d unanswered", n)
	}
}

func TestSwitchingStops(t *testing.T) {
	var log bytes.Buffer
	s, closed := failover(t, &log, &acting{name: "cuda", err: ErrRun}, &acting{name: "cpu", good: -1})
	ctx, stop := context.WithCancel(t.Context())
	open := s.open
	s.open = func(ctx context.Context, provider string) (runner, Chosen, error) {
		stop() // while the next one is opened
		return open(ctx, provider)
	}
	if _, err := s.Ground(ctx, &camera.Frame{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(*closed, []string{"cpu"}) {
		t.Errorf("closed %s, want what was opened too late", *closed)
	}
}

func TestOtherErrorsChangeNoProvider(t *testing.T) {
	var log bytes.Buffer
	bad := errors.New("3 bytes are no picture")
	s, _ := failover(t, &log, &acting{name: "cuda", err: bad}, &acting{name: "cpu", good: -1})
	if _, err := s.Ground(t.Context(), &camera.Frame{}, nil); !errors.Is(err, bad) || s.Provider().Name != "cuda" {
		t.Errorf("error %v on %s", err, s.Provider().Name)
	}
}

func TestManyFallBackOnce(t *testing.T) {
	var log bytes.Buffer
	s, _ := failover(t, &log, &acting{name: "cuda", good: 5, err: ErrRun}, &acting{name: "cpu", good: -1})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Ground(t.Context(), &camera.Frame{}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := strings.Count(log.String(), "the network goes on"); n != 1 {
		t.Errorf("fell back %d times", n)
	}
}

func TestDisagrees(t *testing.T) {
	box := model.Box{X1: 10, Y1: 10, X2: 110, Y2: 60}
	near, far := model.Box{X1: 12, Y1: 10, X2: 110, Y2: 62}, model.Box{X1: 200, Y1: 10, X2: 300, Y2: 60}
	want := model.Answer{Presence: 0.9, Boxes: []model.Box{box, far}, Scores: []float32{0.4, 0.35}}
	for name, tt := range map[string]struct {
		got  model.Answer
		says string
	}{
		"the same":            {want, ""},
		"rounded":             {model.Answer{Presence: 0.88, Boxes: []model.Box{near, far}, Scores: []float32{0.42, 0.3}}, ""},
		"places changed":      {model.Answer{Presence: 0.9, Boxes: []model.Box{far, near}, Scores: []float32{0.39, 0.38}}, ""},
		"elsewhere":           {model.Answer{Presence: 0.9, Boxes: []model.Box{far, far}, Scores: []float32{0.4, 0.4}}, "IoU 0.00"},
		"there, but unlikely": {model.Answer{Presence: 0.9, Boxes: []model.Box{far, box}, Scores: []float32{0.9, 0.01}}, "IoU 0.00"},
		"absent":              {model.Answer{Presence: 0.1, Boxes: want.Boxes, Scores: want.Scores}, "0.10, should be 0.90"},
	} {
		t.Run(name, func(t *testing.T) {
			err := disagrees(&tt.got, &want)
			if (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("disagrees: %v, want %q", err, tt.says)
			}
		})
	}
}

// TestWrongAnswersAreRefused opens the real network and lets it be checked:
// right answers pass, others pass the provider over and name why.
func TestWrongAnswersAreRefused(t *testing.T) {
	b := bundle(t)
	f, ps := frame(160, 120, 1), phrases(t, b, "the red cup", "a dog")
	right := ground(t, open(t, b, Options{}), f, ps...)
	wrong := slices.Clone(right)
	wrong[1].Presence = 1 - wrong[1].Presence
	if d := wrong[1].Presence - 0.5; max(d, -d) < 0.1 {
		t.Skipf("the network does not know whether a dog is there: %v", right[1].Presence)
	}
	var tried []string
	for name, tt := range map[string]struct {
		answers []model.Answer
		good    bool
	}{"right": {right, true}, "wrong": {wrong, false}} {
		golden := &Golden{Frame: f, Phrases: ps, Answers: tt.answers}
		s, err := OpenFailover(t.Context(), b, Options{
			Square: nearest, Provider: "cpu", Trying: func(p string) { tried = append(tried, p) },
			Check: func(ctx context.Context, g *Grounder) error { return golden.Check(ctx, g) },
		}, slog.Default())
		if (err == nil) != tt.good || err != nil && (!errors.Is(err, ErrProvider) || !strings.Contains(err.Error(), `wrong answers: "a dog"`)) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if !slices.Equal(tried, []string{"cpu", "cpu"}) {
		t.Errorf("told of %s", tried)
	}
}
