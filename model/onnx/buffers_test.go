package onnx

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
)

// TestTwoFramesAreAnsweredAtATime has each of two frames wait for the other in
// the middle of its answer.
func TestTwoFramesAreAnsweredAtATime(t *testing.T) {
	var mu sync.Mutex
	var both sync.WaitGroup
	meet := false
	g := open(t, bundle(t), Options{Square: func(f *camera.Frame, side int, rgb []byte) error {
		mu.Lock()
		wait := meet
		mu.Unlock()
		if !wait {
			return nearest(f, side, rgb)
		}
		both.Done()
		met := make(chan struct{})
		go func() { both.Wait(); close(met) }()
		select {
		case <-met:
			return nearest(f, side, rgb)
		case <-time.After(time.Minute):
			both.Done()
			return errors.New("the other does not come")
		}
	}})
	p := phrases(t, g.bundle, "the red cup", "dog")
	frames := []*camera.Frame{frame(120, 80, 3), frame(80, 120, 7)}
	want := [][]model.Answer{ground(t, g, frames[0], p...), ground(t, g, frames[1], p...)}
	mu.Lock()
	meet = true
	mu.Unlock()
	both.Add(2)
	got := make([][]model.Answer, 2)
	var all sync.WaitGroup
	for i, f := range frames {
		all.Go(func() {
			var err error
			if got[i], err = g.Ground(t.Context(), f, p); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range got {
		for j := range got[i] {
			want[i][j].Took = got[i][j].Took
			if !reflect.DeepEqual(got[i][j], want[i][j]) {
				t.Errorf("frame %d, phrase %d: %+v beside another, %+v alone", i, j, got[i][j], want[i][j])
			}
		}
	}
}

// TestCloseWaits closes while a frame is answered.
func TestCloseWaits(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	b := bundle(t)
	hold := false
	g, err := Open(t.Context(), b, Options{Square: func(f *camera.Frame, side int, rgb []byte) error {
		if hold {
			close(inside)
			<-goOn
		}
		return nearest(f, side, rgb)
	}})
	if err != nil {
		t.Fatal(err)
	}
	hold = true
	p := phrases(t, b, "dog")
	answered, closed := make(chan error, 1), make(chan error, 1)
	go func() { _, err := g.Ground(t.Context(), frame(9, 9, 1), p); answered <- err }()
	<-inside
	go func() { closed <- g.Close() }()
	close(goOn)
	if err := errors.Join(<-answered, <-closed); err != nil {
		t.Error(err)
	}
	if _, err := g.Ground(t.Context(), frame(9, 9, 1), p); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
