package scene

import (
	"context"
	"io"
	"time"

	"deixis/camera"
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
