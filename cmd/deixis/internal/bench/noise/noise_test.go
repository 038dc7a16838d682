package noise

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"deixis/pipeline/listen"
)

func TestNoise(t *testing.T) {
	const long = 10 * time.Minute
	s := New(long)
	pcm := make([]float32, 1000)
	heard := map[string]float64{} // power of each kind
	n := 0
	for {
		got, err := s.Read(t.Context(), pcm)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n += got
		for _, x := range pcm[:got] {
			if math.IsNaN(float64(x)) || x < -1 || x > 1 {
				t.Fatalf("%s: a sample is %v", s.Kind(), x)
			}
			heard[s.Kind()] += float64(x) * float64(x)
		}
	}
	if n != int(long.Seconds())*listen.Rate {
		t.Errorf("%d samples", n)
	}
	for _, kind := range Kinds() {
		if heard[kind] == 0 {
			t.Errorf("%s is silent, or was not heard in %v", kind, long)
		}
	}
	a, b := make([]float32, 9999), make([]float32, 9999)
	New(long).Read(t.Context(), a)
	New(long).Read(t.Context(), b)
	if !slices.Equal(a, b) {
		t.Error("two of them differ")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := New(long).Read(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
