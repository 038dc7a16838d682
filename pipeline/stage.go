package pipeline

import (
	"slices"
	"sync"
	"time"

	"deixis/model"
)

// Stage is a part of the line whose time is taken.
type Stage int

// The stages, in the order of the line.
const (
	StageCapture Stage = iota // waiting for the source and reading it
	StageTake                 // age of a frame when the network takes it
	StageResize               // frame to the network's square
	StageFrame                // frame.onnx
	StagePhrase               // phrase.onnx; near 0 while the phrase is cached
	StageGround               // ground.onnx
	StageModel                // everything between a frame and its answers
	StageCarry                // moving boxes from the frame answered to the frame shown
	StageDraw                 // painting the overlay
	StageEncode               // frame to JPEG, for a page that is watched
	StageShow                 // one sink, the one in line or one beside it
	StageAge                  // from the moment a picture was taken to each moment its box is shown
	StageFresh                // the same, to the first moment
	stages                    // how many there are
)

var stageNames = [stages]string{"capture", "take", "resize", "frame", "phrase", "ground", "model", "carry", "draw", "encode", "show", "age", "fresh"}

// String is the stage's name in reports.
func (s Stage) String() string {
	if s < 0 || s >= stages {
		return "unknown"
	}
	return stageNames[s]
}

// Stages are all stages in the order of the line.
func Stages() []Stage {
	all := make([]Stage, stages)
	for i := range all {
		all[i] = Stage(i)
	}
	return all
}

// kept is how many of the newest times of a stage are remembered.
const kept = 1024

// Timings remembers the newest 1024 times of every stage, in memory of fixed
// size. The zero value is ready; every method may be called from any goroutine.
type Timings struct {
	mu    sync.Mutex
	rings [stages]ring
}

type ring struct {
	times [kept]time.Duration
	n     int // how many came in all
	all   Histogram
}

// Spread says how the times of a stage lie: half of them are at most P50.
type Spread struct {
	N             int // how many it is drawn from
	P50, P95, P99 time.Duration
}

// Add notes one time.
func (t *Timings) Add(s Stage, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.rings[s]
	r.times[r.n%kept] = took
	r.n++
	r.all.Add(took)
}

// Answered notes what a call of the model cost in all and in its parts.
func (t *Timings) Answered(parts model.Took, whole time.Duration) {
	t.Add(StageResize, parts.Resize)
	t.Add(StageFrame, parts.Frame)
	t.Add(StagePhrase, parts.Phrase)
	t.Add(StageGround, parts.Ground)
	t.Add(StageModel, whole)
}

// Of is the spread of a stage's times; all zero when it has none.
func (t *Timings) Of(s Stage) Spread {
	t.mu.Lock()
	r := &t.rings[s]
	times := slices.Clone(r.times[:min(r.n, kept)])
	t.mu.Unlock()
	if len(times) == 0 {
		return Spread{}
	}
	slices.Sort(times)
	at := func(share float64) time.Duration { return times[int(share*float64(len(times)))] }
	return Spread{N: len(times), P50: at(0.50), P95: at(0.95), P99: at(0.99)}
}
