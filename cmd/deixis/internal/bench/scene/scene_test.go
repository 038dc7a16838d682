package scene

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

func TestScenesAreWhatTheySay(t *testing.T) {
	for _, s := range Moving() {
		box, seen := s.Truth(Target, 1)
		if box.Area() < 500 || seen < plain || s.Long < time.Second {
			t.Errorf("%s: %v, seen %.2f, %v long", s.Name, box, seen, s.Long)
		}
		if found, err := Find(s.Name); err != nil || found.Name != s.Name {
			t.Errorf("Find(%q): %v", s.Name, err)
		}
	}
	if _, err := Find("gone"); err == nil {
		t.Error("found a scene that is not there")
	}
	if _, seen := Moving()[0].Truth("something else", 1); seen != 0 {
		t.Error("something else is seen")
	}
}

// at is an actor that stands at x, 80 pixels wide.
func at(phrase string, x float64) Actor {
	return Actor{Phrase: phrase, W: 80, H: 80, At: func(float64) Place { return Place{x, 240, 1} }}
}

func TestTruthKnowsWhatHides(t *testing.T) {
	for name, tt := range map[string]struct {
		actors []Actor
		want   float64
	}{
		"free":        {[]Actor{at("a", 100), at("", 300)}, 1},
		"half hidden": {[]Actor{at("a", 100), at("", 140)}, 0.5},
		"hidden":      {[]Actor{at("a", 100), at("", 100)}, 0},
		"in front":    {[]Actor{at("", 100), at("a", 100)}, 1},
		"half out":    {[]Actor{at("a", 0)}, 0.5},
		"outside":     {[]Actor{at("a", -100)}, 0},
	} {
		if _, seen := (&Scene{Actors: tt.actors}).Truth("a", 0); seen != tt.want {
			t.Errorf("%s: %v seen, want %v", name, seen, tt.want)
		}
	}
}

func TestStageDrawsTheTargetInItsBox(t *testing.T) {
	s := &Scene{Actors: []Actor{at("a", 200)}}
	empty := &Scene{Actors: []Actor{{W: 80, H: 80, At: func(float64) Place { return Place{} }}}}
	var with, without, again camera.Frame
	NewStage(s).Draw(0.1, &with)
	NewStage(s).Draw(0.1, &again)
	NewStage(empty).Draw(0.1, &without)
	if !bytes.Equal(with.Pix, again.Pix) || with.Seq != 4 || with.PTS != 100*time.Millisecond {
		t.Errorf("frame %d at %v, or it differs from run to run", with.Seq, with.PTS)
	}
	box, _ := s.Truth("a", 0.1)
	for i := range with.Pix {
		x, y := float32(i/3%Width), float32(i/3/Width)
		inside := x >= box.X1 && x < box.X2 && y >= box.Y1 && y < box.Y2
		if !inside && with.Pix[i] != without.Pix[i] {
			t.Fatalf("the thing at %v also paints %v, %v", box, x, y)
		}
	}
	if bytes.Equal(with.Pix, without.Pix) {
		t.Error("it paints nothing")
	}
}

func TestPlayerKeepsThePace(t *testing.T) {
	s := &Scene{Long: 400 * time.Millisecond, Actors: []Actor{at("a", 200)}}
	p := NewPlayer(s)
	var f camera.Frame
	start, last := time.Now(), uint64(0)
	for {
		err := p.Next(t.Context(), &f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || f.Seq <= last {
			t.Fatalf("frame %d after %d: %v", f.Seq, last, err)
		}
		last = f.Seq
	}
	if took := time.Since(start); took < 330*time.Millisecond || last > 12 {
		t.Errorf("%d frames of 12 in %v", last, took)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := NewPlayer(s).Next(ctx, &f); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func TestOracle(t *testing.T) {
	s := &Scene{Actors: []Actor{at("a", 200), at("hidden", 400), at("", 400)}}
	s.Actors[1].Look = 1
	k := Oracle{Answer: s.Answer, Delay: 20 * time.Millisecond}
	f := &camera.Frame{Seq: 7, Width: Width, Height: Height}
	start := time.Now()
	as, err := k.Ground(t.Context(), f, []model.Phrase{{Text: "a"}, {Text: "hidden"}})
	if err != nil || time.Since(start) < k.Delay || len(as) != 2 || !as[0].Present || as[1].Present || as[0].Phrase != "a" {
		t.Fatalf("%+v, %v", as, err)
	}
	if want, _ := s.Truth("a", 0); as[0].Box() != want {
		t.Errorf("it says %v of %v", as[0].Box(), want)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := k.Ground(ctx, f, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}
