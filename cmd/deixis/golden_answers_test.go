package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/model/onnx"
)

// goldenAnswers are what the trainer says of one picture.
type goldenAnswers struct {
	Image, Bundle string
	Answers       []struct {
		Phrase  string
		Boxes   [][4]float32
		Scores  []float32
		Present float32
	}
}

// TestGoldenAnswers holds the whole way from a picture to its boxes against
// what the trainer says of the same picture: closely where it is stretched as
// the trainer does it, and with what the program's faster way costs.
func TestGoldenAnswers(t *testing.T) {
	root := app.Above("assets/golden/answers.json")
	if root == "" {
		t.Skip("no assets/golden/answers.json (the trainer's export writes it)")
	}
	b, err := model.Load(network(t).Dir)
	if err != nil {
		t.Fatal(err)
	}
	var golden goldenAnswers
	dir := filepath.Join(root, "assets", "golden")
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "answers.json"))), &golden); err != nil {
		t.Fatal(err)
	}
	if golden.Bundle != "" && golden.Bundle != b.Name {
		t.Skipf("answers.json is of %s, the bundle is %s", golden.Bundle, b.Name)
	}
	var f camera.Frame
	if err := opencv.ReadImage(filepath.Join(dir, golden.Image), &f); err != nil {
		t.Fatal(err)
	}
	fast := opencv.NewSquarer()
	defer fast.Close()
	for name, tt := range map[string]struct {
		square             func(f *camera.Frame, side int, rgb []byte) error
		present, score, in float32 // most difference, most difference, least IoU
		from               float32 // score from which a box counts: two of nearly one score may change places
		absent             bool    // boxes of what is not there count, too: nobody is told of them
	}{
		// A box is the mean of the candidates that overlap by more than a half: where
		// rounding lets one in or out, it moves by that one's share, which is much of
		// a box of no score to speak of.
		"means over areas": {means, 0.01, 0.01, 0.97, 0.005, true},
		"as the program":   {fast.Square, 0.03, 0.06, 0.95, 0.2, false},
	} {
		t.Run(name, func(t *testing.T) {
			by, err := onnx.Open(t.Context(), b, onnx.Options{Provider: "cpu", Precision: "fp32", Square: tt.square})
			if err != nil {
				t.Fatal(err)
			}
			defer by.Close()
			for _, want := range golden.Answers {
				p, err := b.Phrase(want.Phrase)
				if err != nil {
					t.Fatal(err)
				}
				as, err := by.Ground(t.Context(), &f, []model.Phrase{p})
				if err != nil {
					t.Fatal(err)
				}
				got := as[0]
				if d := got.Presence - want.Present; max(d, -d) > tt.present {
					t.Errorf("%q: presence %v, trainer says %v", want.Phrase, got.Presence, want.Present)
				}
				if !tt.absent && max(want.Present+tt.present, got.Presence) < b.Threshold.Present {
					continue
				}
				w, h := float32(f.Width), float32(f.Height)
				for i, c := range want.Boxes {
					box := model.Box{X1: c[0] * w, Y1: c[1] * h, X2: c[2] * w, Y2: c[3] * h}
					if want.Scores[i] < tt.from || box.Area() == 0 {
						continue
					}
					if d := got.Scores[i] - want.Scores[i]; max(d, -d) > tt.score || got.Boxes[i].IoU(box) < tt.in {
						t.Errorf("%q, box %d: %v at %v, trainer says %v at %v", want.Phrase, i, got.Boxes[i], got.Scores[i], box, want.Scores[i])
					}
				}
			}
		})
	}
}

// means stretches f as the trainer does: each pixel of the square is the mean
// over its area, the pixels at its border by the share that lies in it.
func means(f *camera.Frame, side int, rgb []byte) error {
	columns, rows := portions(f.Width, side), portions(f.Height, side)
	for y, down := range rows {
		for x, across := range columns {
			var sum [3]float64
			for _, r := range down {
				for _, c := range across {
					for i := range sum {
						sum[i] += r.part * c.part * float64(f.Pix[3*(r.at*f.Width+c.at)+2-i])
					}
				}
			}
			for i := range sum {
				rgb[3*(y*side+x)+i] = byte(sum[i] + 0.5)
			}
		}
	}
	return nil
}

type portion struct {
	at   int
	part float64
}

// portions says of what each of side places is the mean, of n pixels in a row.
func portions(n, side int) [][]portion {
	all, long := make([][]portion, side), float64(n)/float64(side)
	for i := range all {
		from, to := float64(i)*long, float64(i+1)*long
		for at := int(from); at < n && float64(at) < to-1e-9; at++ {
			part := min(to, float64(at+1)) - max(from, float64(at))
			all[i] = append(all[i], portion{at, part / long})
		}
	}
	return all
}
