package onnx

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera"
	"deixis/model"
)

// TestMain names the library that `make setup` leaves in the repository: a test
// has no program beside which it could be found.
func TestMain(m *testing.M) {
	if file := filepath.Join("..", "..", "bin", "lib", "libonnxruntime.so"); os.Getenv("DEIXIS_ORT_LIBRARY") == "" && isFile(file) {
		file, _ = filepath.Abs(file)
		os.Setenv("DEIXIS_ORT_LIBRARY", file)
	}
	goleak.VerifyTestMain(m)
}

// bundle is that of DEIXIS_BUNDLE or of this project; without one, or without
// ONNX Runtime, the test skips.
func bundle(t testing.TB) *model.Bundle {
	t.Helper()
	dir := os.Getenv("DEIXIS_BUNDLE")
	if dir == "" {
		dir = filepath.Join("..", "..", "assets", "models", "ca2m-edge")
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle.json")); err != nil {
		t.Skipf("no model bundle: %v", err)
	}
	if _, err := FindLibrary(""); err != nil {
		t.Skip(err)
	}
	b, err := model.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b *model.Bundle, o Options) *Grounder {
	t.Helper()
	if o.Square == nil {
		o.Square = nearest
	}
	g, err := Open(t.Context(), b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return g
}

// nearest is the simplest resize; what it does to the picture matters to no test.
func nearest(f *camera.Frame, side int, rgb []byte) error {
	for y := range side {
		for x := range side {
			from := 3 * (y*f.Height/side*f.Width + x*f.Width/side)
			to := 3 * (y*side + x)
			rgb[to], rgb[to+1], rgb[to+2] = f.Pix[from+2], f.Pix[from+1], f.Pix[from]
		}
	}
	return nil
}

func frame(w, h int, seed byte) *camera.Frame {
	f := &camera.Frame{Seq: uint64(seed) + 1}
	f.Resize(w, h)
	for i := range f.Pix {
		f.Pix[i] = byte(i*i>>4) ^ byte(i/(3*w)) + seed
	}
	return f
}

func phrases(t testing.TB, b *model.Bundle, texts ...string) []model.Phrase {
	t.Helper()
	var ps []model.Phrase
	for _, text := range texts {
		p, err := b.Phrase(text)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func ground(t testing.TB, g *Grounder, f *camera.Frame, ps ...model.Phrase) []model.Answer {
	t.Helper()
	as, err := g.Ground(context.Background(), f, ps)
	if err != nil {
		t.Fatal(err)
	}
	return as
}

func TestGroundAnswers(t *testing.T) {
	b := bundle(t)
	g := open(t, b, Options{Attention: true})
	f := frame(641, 123, 3)
	ps := phrases(t, b, "the red cup", "second person from the right in a very long blue coat", "dog")
	as := ground(t, g, f, ps...)
	if len(as) != len(ps) {
		t.Fatalf("%d answers to %d phrases", len(as), len(ps))
	}
	for i, a := range as {
		if a.Phrase != ps[i].Text || a.Seq != f.Seq || len(a.Boxes) != b.Answers || len(a.Scores) != b.Answers {
			t.Errorf("answer %d = %+v", i, a)
		}
		for _, box := range a.Boxes {
			if box != box.Clip(f.Width, f.Height) || box.X2 < box.X1 || box.Y2 < box.Y1 {
				t.Errorf("box %v lies outside the frame or is inverted", box)
			}
		}
		if !slices.IsSortedFunc(a.Scores, func(x, y float32) int { return int(math.Copysign(1, float64(y-x))) }) {
			t.Errorf("scores %v are not best first", a.Scores)
		}
		if a.Presence < 0 || a.Presence > 1 || a.Present != (a.Presence >= b.Threshold.Present) {
			t.Errorf("present %v at presence %v", a.Present, a.Presence)
		}
		if a.Grid != b.Image.Grid || len(a.Attention) != a.Grid*a.Grid {
			t.Errorf("attention of %d values on a grid of %d", len(a.Attention), a.Grid)
		}
		if a.Took.Frame <= 0 || a.Took.Ground <= 0 || a.Took.Phrase <= 0 {
			t.Errorf("took %+v", a.Took)
		}
	}
	if again := ground(t, g, f, ps...); again[0].Took.Phrase != 0 {
		t.Error("a phrase asked before was read again")
	}
}

func TestCompanyChangesNothing(t *testing.T) {
	b := bundle(t)
	g := open(t, b, Options{Precision: "fp32"})
	f := frame(320, 240, 9)
	ps := phrases(t, b, "cup", "the man in the striped shirt who is standing furthest left of all", "a dog", "cup")
	together := ground(t, g, f, ps...)
	for i, p := range ps {
		alone := ground(t, g, f, p)[0]
		if d := distance(alone, together[i], f); d > 1e-3 {
			t.Errorf("%q alone and in company differ by %v", p.Text, d)
		}
	}
	slices.Reverse(ps)
	back := ground(t, g, f, ps...)
	slices.Reverse(back)
	for i := range together {
		if d := distance(back[i], together[i], f); d > 1e-3 {
			t.Errorf("the order of phrases changes answer %d by %v", i, d)
		}
	}
}

// TestManyCallers asks from several goroutines at once, in changing company.
func TestManyCallers(t *testing.T) {
	b := bundle(t)
	g := open(t, b, Options{Precision: "fp32"})
	f := frame(64, 48, 5)
	ps := phrases(t, b, "cup", "the small dog on the left", "man")
	want := ground(t, g, f, ps...)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 3 {
				n := (i+j)%len(ps) + 1
				got, err := g.Ground(context.Background(), f, ps[:n])
				if err != nil {
					t.Error(err)
					return
				}
				for k := range got {
					if d := distance(got[k], want[k], f); got[k].Phrase != ps[k].Text || d > 1e-3 {
						t.Errorf("%q answered for %q, off by %v", got[k].Phrase, ps[k].Text, d)
					}
				}
			}
		})
	}
	all.Wait()
}

// distance is the greatest difference of two answers; boxes in shares of f.
func distance(a, b model.Answer, f *camera.Frame) float64 {
	most := math.Abs(float64(a.Presence - b.Presence))
	for i := range a.Boxes {
		p, q := a.Boxes[i], b.Boxes[i]
		most = max(most, math.Abs(float64(a.Scores[i]-b.Scores[i])),
			math.Abs(float64(p.X1-q.X1))/float64(f.Width), math.Abs(float64(p.Y1-q.Y1))/float64(f.Height),
			math.Abs(float64(p.X2-q.X2))/float64(f.Width), math.Abs(float64(p.Y2-q.Y2))/float64(f.Height))
	}
	return most
}

func TestGroundRefuses(t *testing.T) {
	b := bundle(t)
	g := open(t, b, Options{})
	ps := phrases(t, b, "cup")
	many := slices.Repeat(ps, b.Limits.MaxPhrases+1)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		f    *camera.Frame
		ps   []model.Phrase
		says string
	}{
		"no picture":    {t.Context(), &camera.Frame{}, ps, "no picture"},
		"short picture": {t.Context(), &camera.Frame{Width: 9, Height: 9, Pix: make([]byte, 9)}, ps, "no picture"},
		"too many":      {t.Context(), frame(8, 8, 0), many, "fit in one run"},
		"no tokens":     {t.Context(), frame(8, 8, 0), []model.Phrase{{Text: "made by hand"}}, "0 tokens"},
		"cancelled":     {gone, frame(8, 8, 0), ps, "canceled"},
		"alien tokens":  {t.Context(), frame(8, 8, 0), []model.Phrase{{Text: "x", IDs: make([]int64, 1000)}}, "1000 tokens"},
		"no phrases":    {t.Context(), frame(8, 8, 0), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := g.Ground(tt.ctx, tt.f, tt.ps)
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
	broken := errors.New("no memory")
	g.square = func(*camera.Frame, int, []byte) error { return broken }
	if _, err := g.Ground(t.Context(), frame(8, 8, 0), ps); !errors.Is(err, broken) {
		t.Errorf("error %v of the resize, want %v", err, broken)
	}
	g.square = nearest
	if as := ground(t, g, frame(1, 1, 0), ps...); len(as) != 1 {
		t.Error("no answer after the refusals, on a picture of one pixel")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Ground(t.Context(), frame(8, 8, 0), ps); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v after Close, want ErrClosed", err)
	}
}

func TestOpenAgainAndAgain(t *testing.T) {
	b := bundle(t)
	ps := phrases(t, b, "cup")
	for range 2 {
		one, two := open(t, b, Options{}), open(t, b, Options{Provider: "cpu"})
		ground(t, one, frame(32, 32, 1), ps...)
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
		ground(t, two, frame(32, 32, 1), ps...)
		if err := two.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if shared.users != 0 {
		t.Errorf("%d users of the library left", shared.users)
	}
}

func TestOpenRefuses(t *testing.T) {
	b := bundle(t)
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		o    Options
		want error
	}{
		"no such library":  {t.Context(), Options{Library: "/nowhere/lib.so"}, ErrLibrary},
		"a folder":         {t.Context(), Options{Library: t.TempDir()}, ErrLibrary},
		"a text":           {t.Context(), Options{Library: text}, ErrLibrary},
		"unknown provider": {t.Context(), Options{Provider: "abacus"}, ErrProvider},
		"no such graphs":   {t.Context(), Options{Precision: "fp7", Provider: "cpu"}, ErrProvider},
		"cancelled":        {gone, Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Square = nearest
			_, err := Open(tt.ctx, b, tt.o)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if shared.users != 0 {
				t.Errorf("%d users of the library left", shared.users)
			}
		})
	}
	if _, err := Open(t.Context(), b, Options{}); err == nil {
		t.Error("opened without Square")
	}
}

func TestAutoFallsBackAndSaysWhy(t *testing.T) {
	b := bundle(t)
	c := open(t, b, Options{Provider: "auto"}).Provider()
	if c.Version == "" || c.Library == "" || c.Precision == "" {
		t.Errorf("chosen %+v leaves holes", c)
	}
	if at := slices.Index(Providers, c.Name); len(c.Reasons) != at {
		t.Errorf("chose %s and gives %d reasons: %v", c.Name, len(c.Reasons), c.Reasons)
	}
	for i, r := range c.Reasons {
		if !strings.HasPrefix(r, Providers[i]+": ") || strings.Contains(r, "\n") {
			t.Errorf("reason %q", r)
		}
	}
	if c.Name == "cpu" {
		if _, err := Open(t.Context(), b, Options{Provider: "cuda", Square: nearest}); !errors.Is(err, ErrProvider) {
			t.Errorf("error %v without CUDA, want ErrProvider", err)
		}
	}
}

func BenchmarkGround(b *testing.B) {
	bu := bundle(b)
	g := open(b, bu, Options{})
	f, ps := frame(640, 480, 1), phrases(b, bu, "the man in the red shirt")
	b.ReportAllocs()
	for b.Loop() {
		ground(b, g, f, ps...)
	}
}
