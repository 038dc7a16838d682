package scene

import (
	"context"
	"io"
	"time"

	"deixis/camera"
	"deixis/model"
)

// A Player is a camera that sees a scene: a source that keeps the scene's pace
// and leaves out frames that nobody took in time. It belongs to one goroutine.
type Player struct {
	stage *Stage
	n     int // the next frame's number, from 0
	start time.Time
}

// NewPlayer makes the camera.
func NewPlayer(s *Scene) *Player { return &Player{stage: NewStage(s)} }

// Next waits until a frame is due and draws it; io.EOF ends the scene. Its
// other error is that of ctx.
func (p *Player) Next(ctx context.Context, f *camera.Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.start.IsZero() {
		p.start = time.Now()
	}
	if late := int(time.Since(p.start).Seconds() * FPS); late > p.n {
		p.n = late
	}
	pts := time.Duration(p.n) * time.Second / FPS
	if pts >= p.stage.Long {
		return io.EOF
	}
	due := time.NewTimer(time.Until(p.start.Add(pts)))
	defer due.Stop()
	select {
	case <-due.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.stage.Draw(float64(p.n)/FPS, f)
	f.At = p.start.Add(pts)
	p.n++
	return nil
}

// A Knower stands in for the network: it knows where a thing is, and takes its
// time to say so.
type Knower struct {
	// Truth is the box of what a phrase points at, t seconds from the start, and
	// how much of it can be seen, 0 to 1.
	Truth func(phrase string, t float64) (box model.Box, seen float64)
	Delay time.Duration // of every call
}

// plain is the least of a thing that a Knower sees.
const plain = 0.25

// Ground waits, and tells the truth of the frame.
func (k Knower) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	wait := time.NewTimer(k.Delay)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	answers := make([]model.Answer, len(phrases))
	for i, p := range phrases {
		box, seen := k.Truth(p.Text, f.PTS.Seconds())
		answers[i] = model.Answer{
			Phrase: p.Text, Seq: f.Seq, At: f.At, Present: seen >= plain, Presence: float32(seen),
			Boxes: []model.Box{box}, Scores: []float32{0.9},
		}
	}
	return answers, nil
}
