package robot

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot/lens"
	"deixis/pipeline/track"
)

// The simulated head: a camera of 60 degrees on a pan-tilt, 30 pictures a second, and a
// network that needs 120 ms for each answer.
const (
	simWidth, simHeight = 64, 48
	simFOV              = 60
	simStep             = 5 * time.Millisecond
	simFrame            = 6 // steps from picture to picture
	simAnswer           = 120 * time.Millisecond
	simWay              = 5 * time.Millisecond // from sender to head
)

// A direction in the world, radians to the right and upwards.
type direction struct{ az, el float64 }

// A world is what the head can look at.
type world struct {
	target func(t float64) (at direction, there bool) // a red disc
	panel  func(t float64) (az float64)               // the middle of a blue panel before it, upright and endless; nil for none
}

const (
	discRadius = 4 * math.Pi / 180
	panelHalf  = 6 * math.Pi / 180
)

// A head is a camera that is turned by what a Consumer gets.
type head struct {
	world
	t     *testing.T
	lens  *lens.Lens
	rig   *Machine
	locks track.Targets
	eyes  Consumer

	steps     int
	pan, tilt float64 // where it looks, radians
	speed     direction
	pending   *camera.Frame // that is being answered
	due       time.Time     // when its answer is ready
	way       []Message     // on their way, with when they arrive
	arrive    []time.Duration
	frame     camera.Frame

	columns [simWidth]float64 // azimuths of the pixels, from where it looks
	rows    [simHeight]float64
}

func newHead(t *testing.T, w world, c Config) *head {
	t.Helper()
	wide, err := lens.FromFOV(simFOV)
	if err != nil {
		t.Fatal(err)
	}
	law := DefaultLaw
	c.Lens, c.Follow, c.Boot = wide, &law, "B"
	h := &head{world: w, t: t, rig: NewMachine(c, began)}
	if h.lens, err = wide.For(simWidth, simHeight); err != nil {
		t.Fatal(err)
	}
	for x := range h.columns {
		h.columns[x] = math.Atan((float64(x) + 0.5 - h.lens.CX) / h.lens.FX)
	}
	for y := range h.rows {
		h.rows[y] = math.Atan((float64(y) + 0.5 - h.lens.CY) / h.lens.FY)
	}
	h.locks.SetPhrases([]model.Phrase{{Text: "the red disc"}})
	h.send(h.rig.Ask(began, "the red disc"))
	return h
}

func (h *head) elapsed() time.Duration { return time.Duration(h.steps) * simStep }
func (h *head) now() time.Time         { return began.Add(h.elapsed()) }

func (h *head) send(u Update) {
	h.way, h.arrive = append(h.way, u.Message), append(h.arrive, h.elapsed()+simWay)
}

// step lets simStep pass.
func (h *head) step() {
	for len(h.way) > 0 && h.arrive[0] <= h.elapsed() {
		h.eyes.Take(&h.way[0], h.arrive[0])
		h.way, h.arrive = h.way[1:], h.arrive[1:]
	}
	h.speed = direction{}
	if m, ok := h.eyes.Target(h.elapsed(), h.now()); ok {
		h.speed = direction{m.Follow.PanRate, m.Follow.TiltRate}
	}
	h.pan += h.speed.az * simStep.Seconds()
	h.tilt += h.speed.el * simStep.Seconds()
	h.steps++
	now := h.now()
	if h.pending != nil && !now.Before(h.due) {
		a := h.answer(h.pending)
		h.locks.Update([]model.Answer{a}, h.pending, simAnswer)
		h.pending = nil
	}
	if h.steps%simFrame == 0 {
		h.render()
		if h.pending == nil {
			h.pending, h.due = &camera.Frame{}, now.Add(simAnswer)
			h.frame.CopyTo(h.pending)
		}
		if u, ok := h.rig.Frame(now, &h.frame, h.locks.Views(now)); ok {
			h.send(u)
		}
	} else if u, ok := h.rig.Tick(now); ok {
		h.send(u)
	}
}

// render takes a picture: each pixel is a ray.
func (h *head) render() {
	f := &h.frame
	f.Resize(simWidth, simHeight)
	f.Seq, f.At, f.PTS = f.Seq+1, h.now(), h.elapsed()
	t := h.elapsed().Seconds()
	target, there := h.target(t)
	panel := math.Inf(1)
	if h.panel != nil {
		panel = h.panel(t)
	}
	for y := range simHeight {
		for x := range simWidth {
			az, el := h.pan+h.columns[x], h.tilt-h.rows[y]
			p := f.Pix[3*(y*simWidth+x):]
			switch {
			case math.Abs(az-panel) < panelHalf:
				p[0], p[1], p[2] = 200, 0, 0
			case there && (az-target.az)*(az-target.az)+(el-target.el)*(el-target.el) < discRadius*discRadius:
				p[0], p[1], p[2] = 0, 0, 200
			default:
				p[0], p[1], p[2] = 90, 90, 90
			}
		}
	}
}

// answer stands in for the network: the box of all red pixels.
func (h *head) answer(f *camera.Frame) model.Answer {
	box := model.Box{X1: simWidth, Y1: simHeight}
	red := 0
	for i := 0; i < len(f.Pix); i += 3 {
		if f.Pix[i+2] == 200 {
			x, y := float32(i/3%simWidth), float32(i/3/simWidth)
			box = model.Box{X1: min(box.X1, x), Y1: min(box.Y1, y), X2: max(box.X2, x+1), Y2: max(box.Y2, y+1)}
			red++
		}
	}
	a := model.Answer{Phrase: "the red disc", Seq: f.Seq, At: f.At, Boxes: []model.Box{{}}, Scores: []float32{0}}
	if red >= 20 { // a third of the disc
		a.Present, a.Presence, a.Boxes, a.Scores = true, 1, []model.Box{box}, []float32{0.9}
	}
	return a
}

// off is how far the target is from the middle of the picture, as a share of its width
// and height.
func (h *head) off() float64 {
	at, _ := h.target(h.elapsed().Seconds())
	x := h.lens.FX * math.Tan(at.az-h.pan) / simWidth
	y := h.lens.FY * math.Tan(at.el-h.tilt) / simHeight
	return max(math.Abs(x), math.Abs(y))
}

func TestFollowKeepsATargetCentred(t *testing.T) {
	w := world{
		target: func(t float64) (direction, bool) {
			return direction{0.6 * math.Sin(2*math.Pi*t/60), 0.12 * math.Sin(2*math.Pi*t/17)}, true
		},
	}
	w.panel = func(t float64) float64 { // it passes before the target every ten seconds
		at, _ := w.target(t)
		return at.az + (math.Mod(t, 10)-5)*25*math.Pi/180
	}
	h := newHead(t, w, Config{})
	var worst float64
	hidden := 0
	for h.elapsed() < time.Minute {
		h.step()
		worst = max(worst, h.off())
		if h.rig.last.State == "lost" && h.rig.last.Seq > 10 {
			hidden++
		}
	}
	t.Logf("a minute with 6 occlusions: at most %.1f %% of the picture off its middle; %d ms lost", 100*worst, hidden*int(simStep.Milliseconds()))
	if worst > 0.1 || hidden == 0 {
		t.Errorf("%.3f of the picture off its middle, lost for %d steps", worst, hidden)
	}
}

func TestFollowStopsOnLoss(t *testing.T) {
	const losses = 100
	var slowest time.Duration
	stopped := 0
	for seed := range uint64(losses) {
		r := rand.New(rand.NewPCG(seed, 17))
		gone := 1 + r.Float64() // seconds
		speed := direction{0.15 + 0.1*r.Float64(), 0.05 * r.NormFloat64()}
		if r.IntN(2) == 0 {
			speed.az = -speed.az
		}
		h := newHead(t, world{target: func(t float64) (direction, bool) {
			return direction{speed.az * t, speed.el * t}, t < gone
		}}, Config{})
		moved, last := false, time.Duration(0)
		for end := gone + 0.8; h.elapsed().Seconds() < end; {
			h.step()
			if moves := h.speed != (direction{}); moves && h.elapsed().Seconds() < gone {
				moved = true
			} else if moves {
				last = h.elapsed() - time.Duration(gone*float64(time.Second))
			}
		}
		slowest = max(slowest, last)
		if moved && last <= DefaultValidFor {
			stopped++
		} else {
			t.Errorf("seed %d: moved before %v, and still %v after the loss", seed, moved, last)
		}
	}
	t.Logf("%d of %d losses stop the head within %v, the slowest after %v", stopped, losses, DefaultValidFor, slowest)
}

// However messages are lost, the head stops when the sender is silent.
func TestFollowStopsWhenTheSenderDies(t *testing.T) {
	h := newHead(t, world{target: func(t float64) (direction, bool) { return direction{0.2 * t, 0}, true }}, Config{})
	for h.elapsed() < 2*time.Second {
		h.step()
	}
	if h.speed == (direction{}) {
		t.Fatal("the head does not move")
	}
	died := h.elapsed()
	for h.elapsed() < died+simWay+DefaultValidFor {
		h.steps++
		h.eyes.Target(h.elapsed(), h.now())
	}
	if m, ok := h.eyes.Target(h.elapsed(), h.now()); ok {
		t.Errorf("%v after its last message the sender is still believed: %+v", h.elapsed()-died, m)
	}
}

func TestTheLawIsAsDocumented(t *testing.T) {
	l := Law{P: 2, D: 0.5, Most: 1, Accel: 4}
	box := model.Box{X1: 60, Y1: 20, X2: 100, Y2: 40} // of a picture of 160x120: its centre is at 0, 0.5
	at := began
	f := follower{Law: l}
	step := func(az, rate float64, dt time.Duration) *Follow {
		at = at.Add(dt)
		return f.step(at, box, [2]int{160, 120}, &lens.Bearing{Azimuth: az, Elevation: -az}, &Rate{Azimuth: rate, Elevation: -rate})
	}
	if got := step(0.2, 0.1, 0); got.PanRate != 0.45 || got.TiltRate != -0.45 || got.PanError != 0 || got.TiltError != 0.5 {
		t.Errorf("P 0.2 + D 0.1: %+v", got)
	}
	if got := step(3, 0, 50*time.Millisecond); math.Abs(got.PanRate-0.65) > 1e-9 {
		t.Errorf("50 ms may change it by 0.2: %+v", got)
	}
	if got := step(3, 0, time.Hour); got.PanRate != 1 {
		t.Errorf("at most 1: %+v", got)
	}
	f.stop()
	if got := step(3, 0, time.Hour); math.Abs(got.PanRate-0.8) > 1e-9 {
		t.Errorf("after a stop it begins with 200 ms of acceleration: %+v", got)
	}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Law{{P: -1, Most: 1, Accel: 1}, {P: 1, D: math.NaN(), Most: 1, Accel: 1}, {P: 1, Accel: 1}, {P: 1, Most: 1}} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "follow") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestNoSpeedWithoutALock(t *testing.T) {
	wide, err := lens.FromFOV(simFOV)
	if err != nil {
		t.Fatal(err)
	}
	law := DefaultLaw
	r := newRig(t, Config{Lens: wide, Follow: &law, Rules: Rules{Zones: []Polygon{{{0, 0}, {1, 0}, {1, 0.9}, {0, 0.9}}}}})
	if m := r.ask("the cup"); m.Follow == nil || *m.Follow != (Follow{}) {
		t.Errorf("before the first picture: %+v", m.Follow)
	}
	if m := r.show(locked(500, 100)); m.Follow.PanRate <= 0 || m.Follow.TiltRate <= 0 || m.Follow.PanError <= 0 || m.Follow.TiltError <= 0 {
		t.Errorf("up and to the right: %+v", m.Follow)
	}
	v := locked(500, 100)
	v.State = pipeline.Unsure
	for name, v := range map[string]pipeline.View{"unsure": v, "refused": locked(500, 470), "lost": {State: pipeline.Lost, Seq: 1}} {
		r.show(locked(500, 100))
		if m := r.show(v); *m.Follow != (Follow{}) {
			t.Errorf("%s: %+v", name, m.Follow)
		}
	}
}
