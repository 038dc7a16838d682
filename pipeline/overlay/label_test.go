package overlay

import (
	"bytes"
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

func TestBoxIsWhereItIs(t *testing.T) {
	for name, s := range map[string]pipeline.State{"whole": pipeline.Locked, "dashed": pipeline.Unsure} {
		f := grey(640, 480)
		m := measure(f)
		v := pipeline.View{State: s, Box: model.Box{X1: 99.6, Y1: 120.4, X2: 300.4, Y2: 199.5}}
		drawBox(canvas{f}, m, &v, Color(1))
		r := image.Rect(100, 120, 300, 200) // rounded
		if got := where(f, Color(1)); got != r {
			t.Errorf("%s: the border is at %v, want %v", name, got, r)
		}
		if got := painted(f); got != r.Inset(-m.edge) {
			t.Errorf("%s: with its edge it is at %v, want %v", name, got, r.Inset(-m.edge))
		}
		if in := r.Min.X + m.line + m.edge - 1; s == pipeline.Locked && f.Pix[3*(160*f.Width+in)] == 128 {
			t.Errorf("%s: the edge inside the border is not %d wide", name, m.edge)
		}
		inner := grey(640, 480)
		canvas{f}.fill(r.Inset(m.line+m.edge), color.NRGBA{128, 128, 128, 255})
		drawBox(canvas{inner}, m, &v, Color(1))
		if !bytes.Equal(f.Pix, inner.Pix) {
			t.Errorf("%s: something is painted further in than line and edge", name)
		}
	}
}

func TestNumbers(t *testing.T) {
	for name, tt := range map[string]struct {
		o    Overlay
		v    pipeline.View
		want string
	}{
		"locked":  {Overlay{}, pipeline.View{State: pipeline.Locked, Score: 0.934, Age: time.Second}, "93%"},
		"unsure":  {Overlay{}, pipeline.View{State: pipeline.Unsure, Score: 0.5}, "50% ?"},
		"age":     {Overlay{ShowAge: true}, pipeline.View{State: pipeline.Locked, Score: 1, Age: 999 * time.Millisecond}, "100%  999 ms"},
		"old":     {Overlay{ShowAge: true}, pipeline.View{State: pipeline.Locked, Score: 1, Age: time.Second}, "100%  1.0 s"},
		"age too": {Overlay{ShowAge: true}, pipeline.View{State: pipeline.Unsure, Score: 0.2, Age: 1250 * time.Millisecond}, "20% ?  1.2 s"},
	} {
		if got := tt.o.numbers(&tt.v); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestLabel(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	v := pipeline.View{Phrase: "HHH", State: pipeline.Locked, Score: 0.5, Box: model.Box{X1: 300, Y1: 300, X2: 500, Y2: 400}}
	r := o.label(canvas{f}, m, &v, Color(1), nil)
	w, h := o.letters.width("HHH")+o.letters.width("  ")+o.letters.width("50%")+2*m.pad, o.letters.height+m.pad
	if want := image.Rect(300, 300-m.gap-h, 300+w, 300-m.gap); r != want || painted(f) != want {
		t.Errorf("a label at %v, painted %v, want %v", r, painted(f), want)
	}
	phrase := where(f, ink)
	if !about(phrase.Min.X, r.Min.X+m.pad, 3) || !about(phrase.Dx(), o.letters.width("HHH"), 4) || !about(phrase.Max.Y, r.Min.Y+m.pad/2+o.letters.ascent, 1) {
		t.Errorf("the phrase is at %v in %v", phrase, r)
	}
	soft := color.NRGBA{R: Color(1).R, G: Color(1).G, B: Color(1).B, A: 255}
	canvas{f}.fill(image.Rect(r.Min.X, r.Min.Y, phrase.Max.X, r.Max.Y), soft)
	numbers := image.Rectangle{}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := phrase.Max.X; x < r.Max.X-m.radius; x++ {
			if f.Pix[3*(y*f.Width+x)+2] < 0x80 { // amber is all red, ink nearly none
				numbers = numbers.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if !about(numbers.Max.X, r.Max.X-m.pad, 3) || !about(numbers.Dx(), o.letters.width("50%"), 4) {
		t.Errorf("the numbers are at %v in %v", numbers, r)
	}
}

func TestLongLabelIsCut(t *testing.T) {
	for name, tt := range map[string]struct {
		w, h int
		most func(m metrics) int
	}{
		"wide":   {1280, 720, func(m metrics) int { return 1280*6/10 - 2*m.gap }},
		"narrow": {100, 720, func(m metrics) int { return 100 - 2*m.gap }}, // a short line may take all of it
		"less":   {180, 720, func(m metrics) int { return 12*m.text - 2*m.gap }},
	} {
		f := grey(tt.w, tt.h)
		o, m := ready(t, f)
		v := pipeline.View{Phrase: strings.Repeat("i", 2000), State: pipeline.Locked, Score: 0.5, Box: model.Box{X1: 10, Y1: 300, X2: 50, Y2: 400}}
		r := o.label(canvas{f}, m, &v, Color(1), nil)
		if most := tt.most(m); r.Dx() > most || r.Dx() < most-o.letters.width("i")-1 {
			t.Errorf("%s: a label %d wide, want at most %d", name, r.Dx(), most)
		}
	}
}

func TestPlaceOfALabel(t *testing.T) {
	in, size := image.Rect(0, 0, 200, 150), image.Pt(60, 20)
	const gap = 4
	above, below := image.Rect(50, 36, 110, 56), image.Rect(50, 104, 110, 124)
	top, bottom := image.Rect(50, 68, 110, 88), image.Rect(50, 72, 110, 92)
	box := image.Rect(50, 60, 130, 100)
	for name, tt := range map[string]struct {
		box   image.Rectangle
		taken []image.Rectangle
		want  image.Rectangle
	}{
		"above":                 {box, nil, above},
		"below":                 {box, []image.Rectangle{above}, below},
		"inside its top":        {box, []image.Rectangle{above, below}, top},
		"inside its bottom":     {image.Rect(50, 60, 130, 130), []image.Rectangle{above, top}, image.Rect(50, 102, 110, 122)},
		"touching is free":      {box, []image.Rectangle{above.Add(image.Pt(0, -20)), above.Add(image.Pt(60, 0))}, above},
		"just room above":       {image.Rect(50, 24, 130, 100), nil, image.Rect(50, 0, 110, 20)},
		"too little above":      {image.Rect(50, 23, 130, 100), nil, below},
		"just room below":       {image.Rect(50, 0, 130, 126), nil, image.Rect(50, 130, 110, 150)},
		"neither":               {image.Rect(50, 0, 130, 127), nil, image.Rect(50, 8, 110, 28)},
		"off the right":         {image.Rect(180, 60, 260, 100), nil, image.Rect(140, 36, 200, 56)},
		"off the left":          {image.Rect(-30, 60, 60, 100), nil, image.Rect(0, 36, 60, 56)},
		"the next free line":    {box, []image.Rectangle{above, below, top, bottom}, image.Rect(50, 124, 110, 144)},
		"the last line":         {image.Rect(50, 44, 130, 100), []image.Rectangle{image.Rect(0, 0, 200, 128)}, image.Rect(50, 130, 110, 150)},
		"all taken":             {box, []image.Rectangle{in}, above},
		"a box under the end":   {image.Rect(50, 200, 130, 240), nil, image.Rect(50, 130, 110, 150)},
		"a box above the start": {image.Rect(50, -90, 130, -50), nil, image.Rect(50, 0, 110, 20)},
	} {
		if got := place(in, tt.box, size, gap, tt.taken); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
