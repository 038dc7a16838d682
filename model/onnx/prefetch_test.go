package onnx

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deixis/camera"
)

func TestPreparedFramesAreAnsweredTheSame(t *testing.T) {
	b := bundle(t)
	var resized atomic.Int64
	g := open(t, b, Options{Square: func(f *camera.Frame, side int, rgb []byte) error {
		resized.Add(1)
		return nearest(f, side, rgb)
	}})
	p := phrases(t, b, "the red cup")[0]
	same := func(what string, f *camera.Frame, prepare bool, times int64) {
		t.Helper()
		want := ground(t, g, f, p)[0]
		resized.Store(0)
		if prepare {
			if err := g.Prepare(f); err != nil {
				t.Fatal(err)
			}
		}
		got := ground(t, g, f, p)[0]
		if got.Took.Resize <= 0 {
			t.Errorf("%s: resizing took %v", what, got.Took.Resize)
		}
		want.Took = got.Took
		if n := resized.Load(); n != times || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: resized %d times, answered %+v, want %d and %+v", what, n, got, times, want)
		}
	}
	same("prepared", frame(120, 80, 3), true, 1)
	same("not prepared", frame(120, 80, 4), false, 1)

	if err := g.Prepare(frame(120, 80, 5)); err != nil {
		t.Fatal(err)
	}
	same("another picture of that size and number, taken later", later(frame(120, 80, 5)), false, 1)
	for seed := range byte(3 * maxPrefetched) { // of frames that the line left out
		if err := g.Prepare(frame(60, 40, seed)); err != nil {
			t.Fatal(err)
		}
	}
	same("after many that nobody asked for", frame(120, 80, 6), true, 1)
}

func later(f *camera.Frame) *camera.Frame {
	f.At = time.Now()
	return f
}

func TestPrepareWhileAnswering(t *testing.T) {
	b := bundle(t)
	g := open(t, b, Options{})
	p := phrases(t, b, "dog")
	var all sync.WaitGroup
	for seed := range byte(2) {
		all.Go(func() {
			for n := range byte(8) {
				if err := g.Prepare(frame(90, 60, 16*seed+n)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for n := range byte(4) {
				if _, err := g.Ground(t.Context(), frame(90, 60, 16*seed+n), p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestPrepareFails(t *testing.T) {
	b := bundle(t)
	broken := errors.New("broken")
	fails := false
	g, err := Open(t.Context(), b, Options{Square: func(f *camera.Frame, side int, rgb []byte) error {
		if fails {
			return broken
		}
		return nearest(f, side, rgb)
	}})
	if err != nil {
		t.Fatal(err)
	}
	fails = true
	for range 2 * maxPrefetched { // each gives its place back
		if err := g.Prepare(frame(9, 9, 1)); !errors.Is(err, broken) {
			t.Errorf("Prepare = %v", err)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Prepare(frame(9, 9, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
