package line

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/event"
)

// halves is a source of frames whose left third is red, as a camera sees it.
type halves struct{ n uint64 }

const width = 48

func (h *halves) Next(_ context.Context, f *camera.Frame) error {
	if h.n++; h.n > 60 {
		return io.EOF
	}
	f.Resize(width, 32)
	clear(f.Pix)
	f.Seq = h.n
	for y := range f.Height {
		for x := range width / 3 {
			f.Pix[3*(y*width+x)+2] = 255
		}
	}
	return nil
}

// reds is a model that finds what is red.
type reds struct{}

func (reds) Ground(_ context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	box := model.Box{X1: width, Y2: float32(f.Height)}
	for x := range f.Width {
		if f.Pix[3*x+2] > 0 {
			box.X1, box.X2 = min(box.X1, float32(x)), max(box.X2, float32(x+1))
		}
	}
	return []model.Answer{{Phrase: ps[0].Text, Present: true, Boxes: []model.Box{box}, Scores: []float32{0.9}}}, nil
}

func TestLeftMeansLeftInAMirror(t *testing.T) {
	left, right := model.Box{X2: width / 3, Y2: 32}, model.Box{X1: width - width/3, X2: width, Y2: 32}
	for name, tt := range map[string]struct {
		mirrored bool
		want     model.Box // in the picture shown, which is the one the network sees
	}{
		"as the camera sees": {false, left},
		"like a mirror":      {true, right},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			m := &Mirror{From: &halves{}}
			m.Set(tt.mirrored)
			l := New(Config{From: m, By: reds{}, Window: show(func(f *camera.Frame, vs []pipeline.View) error {
				if vs[0].Box != tt.want || f.Mirrored != tt.mirrored {
					t.Errorf("frame %d, mirrored %v: %+v, want %v", f.Seq, f.Mirrored, vs[0], tt.want)
				}
				return nil
			}), Outputs: []pipeline.Output{{Name: "events", To: &event.Writer{W: &out}, Needs: pipeline.NoPixels, EveryFrame: true}}})
			l.SetPhrases(phrases("the red one"))
			if err := l.Recording(t.Context()); err != nil {
				t.Fatal(err)
			}
			for d := json.NewDecoder(&out); d.More(); {
				var e event.Event
				if err := d.Decode(&e); err != nil || e.Box == nil || *e.Box != [4]float64{0, 0, width / 3, 32} {
					t.Fatalf("event %+v, %v: its box is not in the source's pixels", e, err)
				}
			}
		})
	}
}

func TestTurningThePictureForgetsTheBox(t *testing.T) {
	m := &Mirror{From: paused{&halves{}, 2 * time.Millisecond}}
	l := New(Config{From: m, By: reds{}})
	shown := 0
	l.c.Window = show(func(f *camera.Frame, vs []pipeline.View) error {
		shown += count(vs[0].HasBox())
		if v := vs[0]; v.HasBox() && (v.Box.X1 > 0) != f.Mirrored {
			t.Errorf("frame %d, mirrored %v: shown with %v", f.Seq, f.Mirrored, v.Box)
		}
		if f.Seq%10 == 0 {
			m.Toggle()
		}
		return nil
	})
	l.SetPhrases(phrases("the red one"))
	if err := l.Live(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shown < 10 {
		t.Errorf("%d frames shown with a box", shown)
	}
	if once, twice := m.Toggle(), m.Toggle(); once == twice {
		t.Error("Toggle does not toggle")
	}
}
