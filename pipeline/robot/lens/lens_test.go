package lens

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/model"
)

// A truth is a camera written down a second time, from light to pixels, which is the
// other way round than the package goes.
type truth struct {
	w, h           int
	fx, fy, cx, cy float64 // in ROS's pixels, whose first has its middle at 0
	model          string
	d              []float64
}

// project is where light from (x, y, z) falls, pixels with the first one's corner at 0.
func (c *truth) project(x, y, z float64) (u, v float64) {
	switch c.model {
	case "equidistant":
		theta := math.Acos(z / math.Sqrt(x*x+y*y+z*z))
		bent := theta
		for i, k := range c.d {
			bent += k * math.Pow(theta, float64(2*i+3))
		}
		phi := math.Atan2(y, x)
		u, v = bent*math.Cos(phi), bent*math.Sin(phi)
	default:
		a, b := x/z, y/z
		r := math.Hypot(a, b)
		radial := 1 + c.d[0]*math.Pow(r, 2) + c.d[1]*math.Pow(r, 4) + c.d[4]*math.Pow(r, 6)
		u = a*radial + 2*c.d[2]*a*b + c.d[3]*(r*r+2*a*a)
		v = b*radial + c.d[2]*(r*r+2*b*b) + 2*c.d[3]*a*b
	}
	return c.fx*u + c.cx + 0.5, c.fy*v + c.cy + 0.5
}

// yaml is the camera_info of c.
func (c *truth) yaml() string {
	numbers := func(v []float64) string { return strings.ReplaceAll(fmt.Sprint(v), " ", ", ") }
	return fmt.Sprintf("image_width: %d\nimage_height: %d\ncamera_name: test\ncamera_matrix:\n  rows: 3\n  cols: 3\n  data: %s\ndistortion_model: %s\ndistortion_coefficients:\n  rows: 1\n  cols: %d\n  data: %s\n",
		c.w, c.h, numbers([]float64{c.fx, 0, c.cx, 0, c.fy, c.cy, 0, 0, 1}), c.model, len(c.d), numbers(c.d))
}

// direction is the ray of an azimuth and an elevation, in degrees.
func direction(az, el float64) (x, y, z float64) {
	az, el = az*math.Pi/180, el*math.Pi/180
	return math.Cos(el) * math.Sin(az), -math.Sin(el), math.Cos(el) * math.Cos(az)
}

var cameras = map[string]*truth{
	"plumb_bob": {1280, 720, 905.3, 902.1, 651.2, 348.7, "plumb_bob", []float64{-0.31, 0.11, 0.0012, -0.0008, -0.021}},
	"fisheye":   {1280, 960, 560.5, 561.2, 633.9, 489.4, "equidistant", []float64{0.031, -0.012, 0.004, -0.0011}},
	"pinhole":   {640, 480, 600, 600, 319.5, 239.5, "plumb_bob", []float64{0, 0, 0, 0, 0}},
}

// angles are directions within the picture of c, degrees.
func (c *truth) angles(step float64) (all [][2]float64) {
	for az := -80.0; az <= 80; az += step {
		for el := -60.0; el <= 60; el += step {
			x, y, z := direction(az, el)
			if c.model != "equidistant" && (math.Abs(az) > 35 || math.Abs(el) > 22) {
				continue
			}
			if u, v := c.project(x, y, z); u > 30 && v > 30 && u < float64(c.w)-30 && v < float64(c.h)-30 {
				all = append(all, [2]float64{az, el})
			}
		}
	}
	return all
}

func (c *truth) lens(t *testing.T) *Lens {
	t.Helper()
	l, err := ReadCameraInfo(strings.NewReader(c.yaml()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRaysAreExact(t *testing.T) {
	for name, c := range cameras {
		l := c.lens(t)
		for _, a := range c.angles(4) {
			x, y, z := direction(a[0], a[1])
			r, ok := l.Ray(c.project(x, y, z))
			if az, el := r.Azimuth()*180/math.Pi, r.Elevation()*180/math.Pi; !ok || math.Abs(az-a[0])+math.Abs(el-a[1]) > 1e-6 {
				t.Errorf("%s: %v gives %v, %v (%v)", name, a, az, el, ok)
			}
		}
	}
}

// render paints a disc of radius degrees around a direction and is the box of the
// pixels that its light falls on.
func (c *truth) render(az, el, radius float64) model.Box {
	x, y, z := direction(az, el)
	// Two directions across the ray span the disc.
	ax, ay, az2 := z, 0.0, -x
	n := math.Hypot(ax, az2)
	ax, az2 = ax/n, az2/n
	bx, by, bz := y*az2-z*ay, z*ax-x*az2, x*ay-y*ax
	box := model.Box{X1: math.MaxFloat32, Y1: math.MaxFloat32}
	s := math.Tan(radius * math.Pi / 180)
	for turn := 0.0; turn < 2*math.Pi; turn += math.Pi / 100 { // its rim
		p, q := s*math.Cos(turn), s*math.Sin(turn)
		u, v := c.project(x+p*ax+q*bx, y+p*ay+q*by, z+p*az2+q*bz)
		box.X1, box.Y1 = min(box.X1, float32(math.Floor(u))), min(box.Y1, float32(math.Floor(v)))
		box.X2, box.Y2 = max(box.X2, float32(math.Floor(u)+1)), max(box.Y2, float32(math.Floor(v)+1))
	}
	return box
}

// A box of whole pixels lies up to half a pixel off with its centre; a pixel of these
// cameras is at most 0.11 degrees.
func TestBearingOfRenderedThings(t *testing.T) {
	for name, c := range cameras {
		l := c.lens(t)
		var worst float64
		for _, a := range c.angles(6) {
			b, ok := l.Bearing(c.render(a[0], a[1], 1))
			if !ok {
				t.Fatalf("%s: no bearing at %v", name, a)
			}
			// The angle between the two directions: degrees of azimuth shrink with elevation.
			x, y, z := direction(a[0], a[1])
			p, q, r := direction(b.Azimuth*180/math.Pi, b.Elevation*180/math.Pi)
			err := math.Acos(min(1, x*p+y*q+z*r)) * 180 / math.Pi
			worst = max(worst, err)
			if wide := (b.Right - b.Left) * math.Cos(b.Elevation) * 180 / math.Pi; math.Abs(wide-2) > 0.3 || b.Top <= b.Elevation || b.Bottom >= b.Elevation {
				t.Errorf("%s at %v: a disc of 2 degrees is %v wide, from %v to %v", name, a, wide, b.Top, b.Bottom)
			}
		}
		t.Logf("%s: bearing of %d rendered things, largest error %.3f degrees", name, len(c.angles(6)), worst)
		if worst >= 0.1 {
			t.Errorf("%s: %v degrees", name, worst)
		}
	}
}

// outline is the box, in whole pixels, of an upright thing of 2w by 2h that faces the
// camera far metres away.
func (c *truth) outline(az, el, far, w, h float64) model.Box {
	x, y, z := direction(az, el)
	x, y, z = far*x, far*y, far*z
	rx, rz := z/math.Hypot(x, z), -x/math.Hypot(x, z) // to the right, across the line of sight
	box := model.Box{X1: math.MaxFloat32, Y1: math.MaxFloat32}
	for i := range 101 {
		s := 2*float64(i)/100 - 1
		for _, p := range [4][2]float64{{s * w, -h}, {s * w, h}, {-w, s * h}, {w, s * h}} {
			u, v := c.project(x+p[0]*rx, y+p[1], z+p[0]*rz)
			box.X1, box.Y1 = min(box.X1, float32(math.Round(u))), min(box.Y1, float32(math.Round(v)))
			box.X2, box.Y2 = max(box.X2, float32(math.Round(u))), max(box.Y2, float32(math.Round(v)))
		}
	}
	return box
}

// Wherever a thing stands, its distance errs by what whole pixels do: the sides of its
// box move by half a pixel each, of 40 pixels that the smallest known side has.
func TestDistanceOfKnownThings(t *testing.T) {
	const far, size = 2.5, 0.4 // metres
	for name, c := range cameras {
		l := c.lens(t)
		for _, wide := range []bool{false, true} {
			var worst float64
			n := 0
			for _, a := range c.angles(3) {
				_, _, z := direction(a[0], a[1])
				if z < math.Cos(75*math.Pi/180) {
					continue
				}
				w, h := 0.1, size/2
				if wide {
					w, h = h, w
				}
				box := c.outline(a[0], a[1], far, w, h)
				if box.X1 <= 0 || box.Y1 <= 0 || box.X2 >= float32(c.w) || box.Y2 >= float32(c.h) {
					continue
				}
				d, ok := l.Distance(box, size, wide)
				if !ok {
					t.Fatalf("%s: no distance at %v", name, a)
				}
				worst, n = max(worst, math.Abs(d/far-1)), n+1
			}
			t.Logf("%s, wide %v: largest error of distance %.1f %% of %d things to 75 degrees off the axis", name, wide, 100*worst, n)
			if worst >= 0.05 || n < 10 {
				t.Errorf("%s, wide %v: %.1f %%, %d things", name, wide, 100*worst, n)
			}
		}
	}
}

// A ball shows the same disc to every side, where an upright rectangle above or below
// the camera looks shorter by the cosine of its elevation: 1.5 % at 10 degrees, 23 % at 40.
// Whole pixels make its box of 58 pixels larger by up to two: 3.5 %.
func TestDistanceOfABall(t *testing.T) {
	c := cameras["fisheye"]
	l := c.lens(t)
	const radius = 3.0 // degrees
	want := 0.5 / math.Sin(radius*math.Pi/180)
	for _, a := range c.angles(10) {
		d, ok := l.Distance(c.render(a[0], a[1], radius), 1, false)
		if bound := 1 - math.Cos(a[1]*math.Pi/180) + 0.035; !ok || math.Abs(d/want-1) > bound {
			t.Errorf("%v: %.2f m of %.2f (%v), more than %.1f %% off", a, d, want, ok, 100*bound)
		}
	}
}

func TestDistanceThatCannotBeTold(t *testing.T) {
	l := cameras["pinhole"].lens(t)
	for name, b := range map[string]model.Box{
		"cut off above": {X1: 10, Y1: 0, X2: 50, Y2: 50}, "cut off below": {X1: 10, Y1: 10, X2: 50, Y2: 480}, "upside down": {X1: 10, Y1: 50, X2: 50, Y2: 10},
	} {
		if d, ok := l.Distance(b, 1, false); ok {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func TestSizesOfPictures(t *testing.T) {
	c := cameras["plumb_bob"]
	l := c.lens(t)
	half, err := l.For(640, 360)
	if err != nil {
		t.Fatal(err)
	}
	u, v := c.project(direction(11, -7))
	if r, ok := half.Ray(u/2, v/2); !ok || math.Abs(r.Azimuth()*180/math.Pi-11) > 1e-6 {
		t.Errorf("half the size: %v", r)
	}
	if same, err := l.For(1280, 720); same != l || err != nil {
		t.Errorf("the same size: %v", err)
	}
	for _, s := range [][2]int{{1280, 960}, {720, 1280}, {0, 0}} {
		if _, err := l.For(s[0], s[1]); !errors.Is(err, ErrLens) {
			t.Errorf("%v: %v", s, err)
		}
	}
	wide, err := FromFOV(90)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []int{320, 1920} {
		l, err := wide.For(w, 240)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := l.Ray(float64(w), 120)
		if math.Abs(r.Azimuth()-math.Pi/4) > 1e-9 || math.Abs(r.Elevation()) > 1e-9 {
			t.Errorf("the right edge of 90 degrees: %v, %v", r.Azimuth(), r.Elevation())
		}
	}
	for _, bad := range []float64{0, 180, -1, math.NaN()} {
		if _, err := FromFOV(bad); !errors.Is(err, ErrLens) {
			t.Errorf("%v degrees: %v", bad, err)
		}
	}
}

func TestNoRayWhereTheModelTurnsBack(t *testing.T) {
	l := &Lens{Width: 640, Height: 480, FX: 300, FY: 300, CX: 320, CY: 240, D: [5]float64{-0.5}}
	if r, ok := l.Ray(640, 480); ok { // x(1-0.5x^2) is never more than 0.55
		t.Errorf("ray %v", r)
	}
	if _, ok := l.Bearing(model.Box{X1: 600, Y1: 400, X2: 640, Y2: 480}); ok {
		t.Error("a bearing where there is no ray")
	}
}

func TestBadCameraInfo(t *testing.T) {
	good := cameras["fisheye"].yaml()
	for name, tt := range map[string]struct{ from, to, says string }{
		"no file of YAML":   {good, "\t{", "YAML"},
		"another model":     {"equidistant", "omnidirectional", "plumb_bob"},
		"not calibrated":    {"560.5", "0", "calibrate"},
		"no size":           {"image_width: 1280", "", "image_width"},
		"short matrix":      {"560.5, 0,", "", "7 numbers"},
		"many coefficients": {"data: [0.031,", "data: [0.031, 1,", "5 distortion_coefficients"},
		"not a number":      {"data: [0.031,", "data: [.nan,", "NaN"},
		"endless":           {good, strings.Repeat("#", 1<<20), "longer"},
	} {
		_, err := ReadCameraInfo(strings.NewReader(strings.Replace(good, tt.from, tt.to, 1)))
		if !errors.Is(err, ErrLens) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.says)) {
			t.Errorf("%s: %v, want one that says %q", name, err, tt.says)
		}
	}
	file := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := ReadCameraInfo(f); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

func TestKnownSizes(t *testing.T) {
	var sizes []KnownSize
	for _, s := range []string{`"a mug"=0.09`, "red mug=0.12w", "box=0.3h"} {
		k, err := ParseSize(s)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, k)
	}
	for phrase, want := range map[string]KnownSize{
		"the mug on the left":   {"mug", 0.09, false},
		"The Red mug, please":   {"red mug", 0.12, true},
		"the blue box":          {"box", 0.3, false},
		"a smug boxer":          {},
		"the mug, then the box": {"mug", 0.09, false},
	} {
		if got, ok := SizeOf(sizes, phrase); got != want || ok != (want.Name != "") {
			t.Errorf("%q: %v, want %v", phrase, got, want)
		}
	}
	for _, bad := range []string{"", "mug", "=1", "mug=", "mug=0", "mug=-1", "mug=NaN", "mug=Inf", "the=1", "mug=1 metre"} {
		if k, err := ParseSize(bad); err == nil || !strings.Contains(err.Error(), "0.09") {
			t.Errorf("%q: %v, %v", bad, k, err)
		}
	}
}

// Whatever a camera_info says, a ray is a direction or there is none.
func FuzzCameraInfo(f *testing.F) {
	for _, c := range cameras {
		f.Add(c.yaml(), 100.0, 200.0)
	}
	f.Fuzz(func(t *testing.T, text string, u, v float64) {
		l, err := ReadCameraInfo(strings.NewReader(text))
		if err != nil || math.IsNaN(u) || math.IsNaN(v) {
			return
		}
		r, ok := l.Ray(u, v)
		if n := r.X*r.X + r.Y*r.Y + r.Z*r.Z; ok && math.Abs(n-1) > 1e-6 {
			t.Errorf("a ray of length^2 %v: %+v of %+v", n, r, l)
		}
	})
}

func FuzzSizes(f *testing.F) {
	f.Add(`"a mug"=0.09`, "the mug")
	f.Fuzz(func(t *testing.T, text, phrase string) {
		k, err := ParseSize(text)
		if err != nil {
			return
		}
		if k.Name == "" || !(k.Metres > 0) {
			t.Errorf("%q: %+v", text, k)
		}
		SizeOf([]KnownSize{k}, phrase)
	})
}
