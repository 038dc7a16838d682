package scene

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
)

// A Oracle stands in for the network: it knows the answers, and takes its time
// to give them.
type Oracle struct {
	Answer func(phrase string, f *camera.Frame) model.Answer
	Delay  time.Duration // of every call
}

// Ground waits, and answers.
func (k Oracle) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	if err := camera.Sleep(ctx, k.Delay); err != nil {
		return nil, err
	}
	answers := make([]model.Answer, len(phrases))
	for i, p := range phrases {
		answers[i] = k.Answer(p.Text, f)
		answers[i].Phrase = p.Text
	}
	return answers, nil
}

// What the network says of a scene.
const (
	plain  = 0.25 // the least of a thing that it sees
	sure   = 0.75 // its mean score of the one meant
	jitter = 0.02 // how far its boxes stray, times their size
)

// Answer is what the network says of frame f: the truth where the scene leaves
// no doubt, or else with the doubts of the scene. The same frame always gets
// the same answer.
func (s *Scene) Answer(phrase string, f *camera.Frame) model.Answer {
	t := f.PTS.Seconds()
	r := rand.New(rand.NewPCG(f.Seq, 11))
	meant := s.meant(phrase, t)
	if meant < 0 {
		return model.Answer{Boxes: []model.Box{{}}, Scores: []float32{0}}
	}
	var found []candidate
	for i := range s.Actors {
		a := &s.Actors[i]
		box, seen := s.truth(i, t)
		if a.Phrase == "" || a.Look != s.Actors[meant].Look || seen < plain {
			continue
		}
		mean := s.Twin
		if i == meant {
			mean = sure
		}
		found = append(found, candidate{s.stray(r, box), float32(min(max(mean+s.Doubt*r.NormFloat64(), 0.01), 0.99))})
	}
	blinks := r.Float64() < s.Blink
	if len(found) == 0 || blinks {
		return model.Answer{Boxes: []model.Box{{}}, Scores: []float32{0}}
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	answer := model.Answer{Present: true, Presence: 1}
	for _, c := range found {
		answer.Boxes, answer.Scores = append(answer.Boxes, c.box), append(answer.Scores, c.score)
	}
	return answer
}

// A candidate is one box of an answer.
type candidate struct {
	box   model.Box
	score float32
}

// stray moves the corners of box a little, where the scene has doubts.
func (s *Scene) stray(r *rand.Rand, box model.Box) model.Box {
	if s.Doubt == 0 {
		return box
	}
	w, h := float64(box.X2-box.X1), float64(box.Y2-box.Y1)
	by := func(size float64) float32 { return float32(jitter * size * r.NormFloat64()) }
	return model.Box{X1: box.X1 + by(w), Y1: box.Y1 + by(h), X2: box.X2 + by(w), Y2: box.Y2 + by(h)}.Clip(Width, Height)
}
