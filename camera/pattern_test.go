package camera

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestParsePattern(t *testing.T) {
	for name, tt := range map[string]struct {
		source        string
		width, height int
		fps           float64
		frames        int
	}{
		"defaults": {"pattern://", 640, 480, 30, 0},
		"slash":    {"pattern:///", 640, 480, 30, 0},
		"size":     {"pattern://1280x720", 1280, 720, 30, 0},
		"speed":    {"pattern://@12.5", 640, 480, 12.5, 0},
		"length":   {"pattern://?frames=9", 640, 480, 30, 9},
		"all":      {"pattern://1x1@1?frames=1", 1, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Parse(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind != TestPattern || r.Width != tt.width || r.Height != tt.height || r.FPS != tt.fps || r.Frames != tt.frames || r.Live() != (tt.frames == 0) {
				t.Errorf("Parse(%q) = %+v", tt.source, r)
			}
		})
	}
	for _, bad := range []string{"640", "0x480", "-1x2", "640x480x3", "9000x10", "@0", "@nan", "@-5", "@", "?frames=0", "?frames=x", "?seed=1", "?%zz"} {
		if r, err := Parse("pattern://" + bad); err == nil || !strings.Contains(err.Error(), "pattern://") {
			t.Errorf("Parse(pattern://%s) = %+v, %v", bad, r, err)
		}
	}
}

func TestPatternEnds(t *testing.T) {
	ref, err := Parse("pattern://64x48@10?frames=3")
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	p := NewPattern(ref)
	for n := range 3 {
		if err := p.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		if f.Seq != uint64(n+1) || f.PTS != time.Duration(n)*time.Second/10 || f.Width != 64 || len(f.Pix) != 3*64*48 {
			t.Errorf("frame %d: seq %d, pts %v, %d bytes", n, f.Seq, f.PTS, len(f.Pix))
		}
	}
	if err := p.Next(t.Context(), &f); err != io.EOF {
		t.Errorf("after the last: %v, want io.EOF", err)
	}
}

func TestPatternIsDeterministicAndMoves(t *testing.T) {
	ref := Ref{Kind: TestPattern, Width: 40, Height: 30, FPS: 5, Frames: 9}
	var a, b, first Frame
	p, q := NewPattern(ref), NewPattern(ref)
	for range ref.Frames {
		if p.Next(t.Context(), &a) != nil || q.Next(t.Context(), &b) != nil {
			t.Fatal("pattern ended early")
		}
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("frame %d differs between two runs", a.Seq)
		}
		if first.Seq == 0 {
			a.CopyTo(&first)
		} else if bytes.Equal(a.Pix, first.Pix) {
			t.Errorf("frame %d is the first one again", a.Seq)
		}
	}
}

func TestPatternKeepsPaceAndSkips(t *testing.T) {
	p := NewPattern(Ref{Kind: TestPattern, Width: 8, Height: 8, FPS: 100})
	var f Frame
	start := time.Now()
	for range 6 {
		if err := p.Next(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took < 45*time.Millisecond {
		t.Errorf("6 frames at 100 a second took %v", took)
	}
	time.Sleep(60 * time.Millisecond)
	before := f.Seq
	if err := p.Next(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	if f.Seq < before+4 {
		t.Errorf("after a pause of 6 frames seq went from %d to %d", before, f.Seq)
	}
}

func TestPatternStopsWithContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := NewPattern(Ref{Kind: TestPattern, Width: 8, Height: 8, FPS: 0.01})
	var f Frame
	if err := p.Next(ctx, &f); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, stop)
	if err := p.Next(ctx, &f); !errors.Is(err, context.Canceled) {
		t.Errorf("Next = %v, want context.Canceled", err)
	}
}

func BenchmarkPattern720p(b *testing.B) {
	p := NewPattern(Ref{Kind: TestPattern, Width: 1280, Height: 720, FPS: 30, Frames: 1 << 40})
	var f Frame
	for b.Loop() {
		if err := p.Next(b.Context(), &f); err != nil {
			b.Fatal(err)
		}
	}
}
