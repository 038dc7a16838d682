package overlay

import (
	"image"
	"image/color"
	"testing"

	"deixis/camera"
)

// half is paint that mixes with grey: one layer gives 0x40, two give 0.
var half = color.NRGBA{0, 0, 0, 128}

// layers says how often half was laid over a pixel of a grey frame; -1 for
// anything else.
func layers(f *camera.Frame, x, y int) int {
	switch p := f.Pix[3*(y*f.Width+x):]; [3]byte{p[0], p[1], p[2]} {
	case [3]byte{128, 128, 128}:
		return 0
	case [3]byte{64, 64, 64}: // 128*127/255, rounded
		return 1
	}
	return -1
}

// wantLayer fails where one layer is not on exactly the pixels that in names.
func wantLayer(t *testing.T, name string, f *camera.Frame, in func(p image.Point) bool) {
	t.Helper()
	for y := range f.Height {
		for x := range f.Width {
			want := 0
			if in(image.Pt(x, y)) {
				want = 1
			}
			if got := layers(f, x, y); got != want {
				t.Errorf("%s: %d layers of paint at %d, %d; want %d", name, got, x, y, want)
				return
			}
		}
	}
}

func TestBlend(t *testing.T) {
	paint := color.NRGBA{R: 250, G: 100, B: 7, A: 255}
	for name, tt := range map[string]struct {
		a    uint32
		want [3]byte
	}{
		"nothing":  {0, [3]byte{10, 20, 200}},
		"all":      {255, [3]byte{7, 100, 250}},
		"a third":  {85, [3]byte{9, 47, 217}}, // 9, 46.67 and 216.67
		"a little": {1, [3]byte{10, 20, 200}}, // 9.99, 20.3 and 200.2
	} {
		pix := []byte{10, 20, 200}
		if blend(pix, paint, tt.a); [3]byte(pix) != tt.want {
			t.Errorf("%s: %v, want %v", name, pix, tt.want)
		}
	}
}

func TestFillIsClipped(t *testing.T) {
	for name, r := range map[string]image.Rectangle{
		"inside":       image.Rect(3, 2, 7, 5),
		"all":          image.Rect(0, 0, 16, 12),
		"over the top": image.Rect(4, -9, 8, 3),
		"over the end": image.Rect(10, 9, 99, 99),
		"outside":      image.Rect(20, 2, 30, 5),
		"empty":        image.Rect(3, 3, 3, 8),
	} {
		f := grey(16, 12)
		canvas{f}.fill(r, half)
		wantLayer(t, name, f, func(p image.Point) bool { return p.In(r) })
	}
}

// A border is painted once everywhere, its corners too, or they would be darker.
func TestFrameIsPaintedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		r    image.Rectangle
		line int
	}{
		"thin":                 {image.Rect(4, 3, 20, 15), 1},
		"thick":                {image.Rect(4, 3, 20, 15), 3},
		"no hole left":         {image.Rect(4, 3, 20, 8), 3},
		"lower than a line":    {image.Rect(4, 3, 20, 5), 3},
		"narrower than a line": {image.Rect(4, 3, 6, 15), 3},
		"over the side":        {image.Rect(-5, -4, 12, 9), 2},
	} {
		f := grey(24, 18)
		canvas{f}.frame(tt.r, tt.line, 0, half)
		hole := image.Rect(tt.r.Min.X+tt.line, tt.r.Min.Y+tt.line, max(tt.r.Max.X-tt.line, tt.r.Min.X+tt.line), max(tt.r.Max.Y-tt.line, tt.r.Min.Y+tt.line))
		if tt.r.Dx() <= 2*tt.line || tt.r.Dy() <= 2*tt.line {
			hole = image.Rectangle{}
		}
		wantLayer(t, name, f, func(p image.Point) bool { return p.In(tt.r) && !p.In(hole) })
	}
}

// runs are the lengths of what is painted and what is not, by turns, along the middle
// of r's long way, with what is painted first.
func runs(f *camera.Frame, r image.Rectangle) []int {
	all := []int{0}
	painted := true
	for i := range max(r.Dx(), r.Dy()) {
		at := image.Pt(r.Min.X+i, r.Min.Y)
		if r.Dy() > r.Dx() {
			at = image.Pt(r.Min.X, r.Min.Y+i)
		}
		if (layers(f, at.X, at.Y) == 1) != painted {
			painted = !painted
			all = append(all, 0)
		}
		all[len(all)-1]++
	}
	return all
}

// Dashes and gaps are alike to a pixel, as near to the length asked for as a whole
// number of them allows, with a dash at both ends.
func TestDashed(t *testing.T) {
	for name, tt := range map[string]struct {
		r      image.Rectangle
		dash   int
		dashes int
	}{
		"across":               {image.Rect(5, 3, 105, 6), 10, 5},
		"down":                 {image.Rect(3, 5, 6, 105), 10, 5},
		"to the pixel":         {image.Rect(0, 0, 90, 2), 10, 5},
		"two":                  {image.Rect(2, 2, 32, 4), 10, 2},
		"shorter than two":     {image.Rect(2, 2, 31, 4), 10, 1},
		"shorter than one":     {image.Rect(2, 2, 6, 4), 10, 1},
		"as wide as it's high": {image.Rect(2, 2, 52, 52), 10, 3},
		"whole":                {image.Rect(5, 3, 105, 6), 0, 1},
	} {
		f := grey(110, 110)
		canvas{f}.dashed(tt.r, tt.dash, half)
		wantIn := func(p image.Point) bool { return layers(f, p.X, p.Y) == 1 && p.In(tt.r) }
		wantLayer(t, name, f, wantIn) // no pixel twice, none outside
		got := runs(f, tt.r)
		if len(got) != 2*tt.dashes-1 {
			t.Errorf("%s: dashes and gaps %d, want %d dashes", name, got, tt.dashes)
			continue
		}
		long := max(tt.r.Dx(), tt.r.Dy())
		for _, n := range got {
			if each := long / len(got); n != each && n != each+1 {
				t.Errorf("%s: dashes and gaps %d, want each of %d pixels or one more", name, got, each)
			}
		}
	}
}

func TestPlateIsRound(t *testing.T) {
	r := image.Rect(4, 3, 30, 23)
	for name, tt := range map[string]struct {
		r      image.Rectangle
		radius int
		in     []int // what is left out at each side of the first rows
	}{
		"round":              {r, 5, []int{5, 2, 1, 1, 1, 0, 0}}, // in a circle of 5: 3 by 4
		"square":             {r, 0, []int{0, 0}},
		"no more than half":  {image.Rect(4, 3, 30, 13), 99, []int{5, 2, 1, 1, 1}},
		"no wider than half": {image.Rect(4, 3, 14, 23), 99, []int{5, 2, 1, 1, 1, 0}},
	} {
		f := grey(40, 30)
		canvas{f}.plate(tt.r, tt.radius, half)
		wantLayer(t, name, f, func(p image.Point) bool {
			if row := min(p.Y-tt.r.Min.Y, tt.r.Max.Y-1-p.Y); row >= 0 && row < len(tt.in) {
				return p.X >= tt.r.Min.X+tt.in[row] && p.X < tt.r.Max.X-tt.in[row]
			}
			return p.In(tt.r)
		})
	}
}

func TestStamp(t *testing.T) {
	mask := image.NewAlpha(image.Rect(-2, -1, 3, 3)) // 5 by 4, with its origin inside
	for i := range mask.Pix {
		mask.Pix[i] = 255
	}
	hole, faint := image.Pt(0, 0), image.Pt(1, 1)
	mask.Pix[mask.PixOffset(hole.X, hole.Y)] = 0
	mask.Pix[mask.PixOffset(faint.X, faint.Y)] = 51 // a fifth
	for name, at := range map[string]image.Point{
		"inside": {8, 6}, "top left": {1, 0}, "bottom right": {15, 11}, "outside": {40, 6}, "all but outside": {17, 6},
	} {
		f := grey(16, 12)
		canvas{f}.stamp(mask, at, half)
		if p := at.Add(faint); p.In(image.Rect(0, 0, 16, 12)) {
			if got := f.Pix[3*(p.Y*16+p.X)]; got != 115 { // 128 without 25 of 255 parts
				t.Errorf("%s: a fifth of half black on 128 is %d, want 115", name, got)
			}
			canvas{f}.fill(image.Rectangle{p, p.Add(image.Pt(1, 1))}, color.NRGBA{64, 64, 64, 255})
		}
		wantLayer(t, name, f, func(p image.Point) bool { return p.In(mask.Rect.Add(at)) && p != at.Add(hole) })
	}
}
