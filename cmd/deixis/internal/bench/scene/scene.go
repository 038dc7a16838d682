// Package scene renders moving pictures whose truth is known: what the lag of
// a shown box and the rules of a lock are measured on.
package scene

import (
	"fmt"
	"math"
	"slices"
	"time"

	"deixis/camera"
	"deixis/model"
)

// The size and rate of every scene.
const (
	Width, Height = 640, 480 // pixels
	FPS           = 30
)

// A Place is where a thing is at a moment. Its zero value is nowhere.
type Place struct {
	X, Y  float64 // of its middle, pixels of the frame
	Scale float64 // times its size; 0 where it is not there
}

// An Actor is one thing in a scene.
type Actor struct {
	Phrase string // what points at it; "" for what only hides others
	W, H   int    // pixels at scale 1
	Look   int    // two with the same look are alike
	Round  bool   // an ellipse, or else a rectangle
	At     func(t float64) Place
}

// A Scene is what a camera sees over a while. The same scene looks the same on
// every machine.
type Scene struct {
	Name    string
	Long    time.Duration
	Actors  []Actor                      // painted in this order
	Pan     func(t float64) (x, y int)   // of the camera over the background, pixels; nil stands still
	Setting func(t float64) (number int) // a change of it is a cut; nil has one

	Meant func(t float64) string // the actor that Target points at, where that changes; nil is Target itself
	Doubt float64                // how far the network's scores stray, standard deviation
	Blink float64                // share of answers that miss what is there
	Twin  float64                // mean score of what looks like the one meant; its own is 0.75
}

// Truth is the box of what phrase points at, and how much of it can be seen,
// 0 to 1.
func (s *Scene) Truth(phrase string, t float64) (box model.Box, seen float64) {
	if i := s.meant(phrase, t); i >= 0 {
		return s.truth(i, t)
	}
	return model.Box{}, 0
}

// meant is the actor that phrase points at; -1 for none.
func (s *Scene) meant(phrase string, t float64) int {
	if phrase == Target && s.Meant != nil {
		phrase = s.Meant(t)
	}
	return slices.IndexFunc(s.Actors, func(a Actor) bool { return a.Phrase == phrase })
}

func (s *Scene) truth(i int, t float64) (model.Box, float64) {
	whole := s.Actors[i].box(t)
	box := whole.Clip(Width, Height)
	if box.Area() == 0 {
		return model.Box{}, 0
	}
	var hidden float32
	for j := i + 1; j < len(s.Actors); j++ {
		o := s.Actors[j].box(t)
		both := model.Box{X1: max(box.X1, o.X1), Y1: max(box.Y1, o.Y1), X2: min(box.X2, o.X2), Y2: min(box.Y2, o.Y2)}
		hidden = max(hidden, both.Area())
	}
	return box, float64((box.Area() - hidden) / whole.Area())
}

// box is the whole thing, also what lies outside of the frame.
func (a *Actor) box(t float64) model.Box {
	p := a.At(t)
	w, h := p.Scale*float64(a.W)/2, p.Scale*float64(a.H)/2
	return model.Box{X1: float32(p.X - w), Y1: float32(p.Y - h), X2: float32(p.X + w), Y2: float32(p.Y + h)}
}

// A Stage draws a scene and keeps its pictures. It belongs to one goroutine.
type Stage struct {
	*Scene
	back    map[int]*texture // by setting
	looks   []*texture       // of the actors
	grain   []int8           // noise of the sensor
	painted int              // frames so far
}

// NewStage prepares s.
func NewStage(s *Scene) *Stage {
	g := &Stage{Scene: s, back: make(map[int]*texture), grain: grain()}
	for i := range s.Actors {
		a := &s.Actors[i]
		g.looks = append(g.looks, newTexture(a.W, a.H, uint64(1000+a.Look), 8))
	}
	return g
}

// Draw paints the scene at t seconds into f. Seq and PTS follow from t.
func (g *Stage) Draw(t float64, f *camera.Frame) {
	f.Resize(Width, Height)
	f.Seq, f.PTS = uint64(math.Round(t*FPS))+1, time.Duration(t*float64(time.Second))
	setting := 0
	if g.Setting != nil {
		setting = g.Setting(t)
	}
	if g.back[setting] == nil {
		g.back[setting] = newTexture(Width, Height, uint64(setting), 24)
	}
	x, y := 0, 0
	if g.Pan != nil {
		x, y = g.Pan(t)
	}
	g.back[setting].tile(f, x, y)
	for i := range g.Actors {
		g.looks[i].paint(f, g.Actors[i].At(t), g.Actors[i].Round)
	}
	g.painted++
	at := (g.painted * 7919) % (len(g.grain) - 3*Width)
	for y := range Height {
		noise := g.grain[(at+y*1543)%(len(g.grain)-3*Width):]
		row := f.Pix[3*Width*y : 3*Width*(y+1)]
		for i, v := range row {
			row[i] = byte(int(v) + int(noise[i])) // textures leave room for it
		}
	}
}

// Find is the scene of a name, out of Moving and Telling.
func Find(name string) (*Scene, error) {
	for _, s := range append(Moving(), Ambiguous()...) {
		if s.Name == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("no scene is called %q", name)
}
