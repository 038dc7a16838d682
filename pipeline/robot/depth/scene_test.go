package depth

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot"
	"deixis/pipeline/robot/lens"
)

// A scene is a camera, written down from light to pixels, and one thing before a wall.
type scene struct {
	w, h           int
	fx, fy, cx, cy float64 // ROS's pixels, whose first has its middle at 0
	d              [5]float64
	wall           float64 // distance along the axis, metres
}

var cameras = map[string]scene{
	"pinhole":   {640, 480, 525, 525, 319.5, 239.5, [5]float64{}, 6},
	"plumb_bob": {848, 480, 610.2, 608.9, 425.3, 236.1, [5]float64{-0.055, 0.07, 0.0006, -0.0004, -0.02}, 6},
}

// project is where light from (x, y, z) falls (OpenCV's projectPoints).
func (s *scene) project(x, y, z float64) (u, v float64) {
	a, b := x/z, y/z
	r2 := a*a + b*b
	radial := 1 + s.d[0]*r2 + s.d[1]*r2*r2 + s.d[4]*r2*r2*r2
	return s.fx*(a*radial+2*s.d[2]*a*b+s.d[3]*(r2+2*a*a)) + s.cx, s.fy*(b*radial+s.d[2]*(r2+2*b*b)+2*s.d[3]*a*b) + s.cy
}

// A thing is a surface that parameters from -1 to 1 reach, and the middle of it.
type thing struct {
	at     func(p, q float64) (x, y, z float64, there bool)
	middle [3]float64
}

// plate is an upright rectangle that is turned about its upright axis, radians.
func plate(x, y, z, width, height, turn float64) thing {
	return thing{func(p, q float64) (float64, float64, float64, bool) {
		return x + p*width/2*math.Cos(turn), y + q*height/2, z + p*width/2*math.Sin(turn), true
	}, [3]float64{x, y, z}}
}

// ball shows its front; what is nearest of it is its middle here.
func ball(x, y, z, radius float64) thing {
	return thing{func(p, q float64) (float64, float64, float64, bool) {
		rest := 1 - p*p - q*q
		return x + p*radius, y + q*radius, z - radius*math.Sqrt(max(0, rest)), rest >= 0
	}, [3]float64{x, y, z - radius}}
}

// render is the depth picture of a thing before the wall, and the box of its pixels.
func (s *scene) render(o thing) (*Picture, model.Box) {
	p := &Picture{Width: s.w, Height: s.h, MM: make([]uint16, s.w*s.h)}
	for i := range p.MM {
		p.MM[i] = uint16(1000 * s.wall)
	}
	box := model.Box{X1: math.MaxFloat32, Y1: math.MaxFloat32}
	const steps = 260 // finer than the pixels of any thing here
	for i := range steps + 1 {
		for j := range steps + 1 {
			x, y, z, there := o.at(2*float64(i)/steps-1, 2*float64(j)/steps-1)
			if !there {
				continue
			}
			u, v := s.project(x, y, z)
			px, py := int(math.Round(u)), int(math.Round(v))
			if px < 0 || py < 0 || px >= s.w || py >= s.h {
				continue
			}
			p.MM[py*s.w+px] = uint16(math.Round(1000 * z))
			box.X1, box.Y1 = min(box.X1, float32(px)), min(box.Y1, float32(py))
			box.X2, box.Y2 = max(box.X2, float32(px+1)), max(box.Y2, float32(py+1))
		}
	}
	return p, box
}

// spoil adds to what is in the box noise of one percent, five percent of pixels with any depth,
// and holes: a third of its pixels and a whole corner. It is the share that is left.
func spoil(r *rand.Rand, p *Picture, box model.Box) (valid float64) {
	known, all := 0, 0
	cut := (box.X1*3 + box.X2) / 4
	for y := int(box.Y1); y < int(box.Y2); y++ {
		for x := int(box.X1); x < int(box.X2); x++ {
			mm := &p.MM[y*p.Width+x]
			*mm = uint16(math.Round(float64(*mm) * (1 + 0.01*r.NormFloat64())))
			if r.Float64() < 0.05 {
				*mm = uint16(1 + r.IntN(8000))
			}
			if r.Float64() < 1.0/3 || float32(x) < cut && float32(y) < (box.Y1+box.Y2)/2 {
				*mm = 0
			}
			all++
			if *mm > 0 {
				known++
			}
		}
	}
	return float64(known) / float64(all)
}

// Depth and the point in space are within 2 % on rendered things, with and without
// holes and noise.
func TestDepthOfRenderedScenes(t *testing.T) {
	const most = 0.02
	for name, s := range cameras {
		l, err := lens.FromCalibration(s.w, s.h, []float64{s.fx, 0, s.cx, 0, s.fy, s.cy, 0, 0, 1}, "plumb_bob", s.d[:])
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(2, 71))
		n, worstDepth, worstPoint, worstValid := 0, 0.0, 0.0, 0.0
		for _, z := range []float64{0.6, 1.5, 3} {
			for _, at := range [][2]float64{{0, 0}, {-0.3, 0.1}, {0.35, -0.2}} {
				x, y := at[0]*z, at[1]*z
				for i, o := range []thing{plate(x, y, z, 0.15*z, 0.1*z, 0), plate(x, y, z, 0.12*z, 0.2*z, 0.5), ball(x, y, z, 0.02*z)} {
					p, box := s.render(o)
					for _, share := range []float64{1, 0} {
						if share == 0 {
							share = spoil(r, p, box)
						}
						got := measured(t, p, box, l)
						n++
						worstDepth = max(worstDepth, math.Abs(got.MedianM/o.middle[2]-1))
						off, far := 0.0, 0.0
						for i, c := range got.Point {
							off, far = math.Hypot(off, c-o.middle[i]), math.Hypot(far, o.middle[i])
						}
						worstPoint = max(worstPoint, off/far)
						worstValid = max(worstValid, math.Abs(got.Valid-share))
						// Half of normal noise of one percent lies within 1.35 percent; outliers add a little.
						if flat := i == 0; flat && (share == 1 && got.SpreadM > 0.001 || share < 1 && (got.SpreadM < 0.01*z || got.SpreadM > 0.02*z)) {
							t.Errorf("%s: spread %v at %v, with %v of the pixels", name, got.SpreadM, z, share)
						}
					}
				}
			}
		}
		t.Logf("%s: %d things, half of them with holes and noise: depth within %.2f %%, points within %.2f %%, share of pixels within %.4f", name, n, 100*worstDepth, 100*worstPoint, worstValid)
		if worstDepth > most || worstPoint > most || worstValid > 0.00051 { // shares have three digits
			t.Errorf("%s: depth %v, point %v, share %v off", name, worstDepth, worstPoint, worstValid)
		}
	}
}

// fixed is a meter that has one picture.
func fixed(p *Picture) *Meter { return &Meter{picture: p} }

// measured is what a message says of the depth in box.
func measured(t *testing.T, p *Picture, box model.Box, l *lens.Lens) *robot.Depth {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	m := robot.NewMachine(robot.Config{Boot: "B", Lens: l, Ranger: fixed(p)}, now)
	m.Ask(now, "it")
	v := pipeline.View{Phrase: "it", State: pipeline.Locked, Box: box, Track: 1, Seq: 1, At: now}
	u, ok := m.Frame(now, &camera.Frame{Seq: 1, At: now, Width: p.Width, Height: p.Height}, []pipeline.View{v})
	if !ok || u.Message.Depth == nil || u.Message.Depth.Point == nil {
		t.Fatalf("no depth: %+v", u.Message)
	}
	return u.Message.Depth
}
