package overlay

import (
	"bytes"
	"fmt"
	"image"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// grey is an even frame, so that what is painted shows.
func grey(w, h int) *camera.Frame {
	var f camera.Frame
	f.Resize(w, h)
	for i := range f.Pix {
		f.Pix[i] = 128
	}
	return &f
}

// painted is the smallest rectangle around what differs from grey.
func painted(f *camera.Frame) image.Rectangle {
	var r image.Rectangle
	for i := range f.Width * f.Height {
		if p := f.Pix[3*i : 3*i+3]; p[0] != 128 || p[1] != 128 || p[2] != 128 {
			r = r.Union(image.Rect(i%f.Width, i/f.Width, i%f.Width+1, i/f.Width+1))
		}
	}
	return r
}

func TestOverlayTakesAnyBox(t *testing.T) {
	var o Overlay
	long := strings.Repeat("the very long phrase ", 300)
	for name, b := range map[string]model.Box{
		"inside":       {X1: 50, Y1: 50, X2: 100, Y2: 100},
		"whole frame":  {X1: 0, Y1: 0, X2: 320, Y2: 240},
		"outside":      {X1: -500, Y1: -500, X2: 5000, Y2: 5000},
		"far away":     {X1: 1000, Y1: 1000, X2: 1100, Y2: 1100},
		"one pixel":    {X1: 7, Y1: 7, X2: 8, Y2: 8},
		"top right":    {X1: 310, Y1: 0, X2: 320, Y2: 9},
		"bottom right": {X1: 310, Y1: 230, X2: 320, Y2: 240},
		"inverted":     {X1: 100, Y1: 100, X2: 50, Y2: 50},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range [][2]int{{320, 240}, {240, 320}, {64, 48}, {9, 200}, {8, 8}, {3, 3}, {1, 1}} {
				f := grey(size[0], size[1])
				o.Draw(f, []pipeline.View{{Phrase: long, State: pipeline.Locked, Box: b}, {Phrase: "\x00\n\u202e", State: pipeline.Unsure, Box: b}, {Phrase: long, State: pipeline.Absent}})
				o.Prompt(f, "look for:", long)
				o.Prompt(f, long, "")
			}
		})
	}
}

func TestLabelStaysInsideAndAlone(t *testing.T) {
	for _, size := range []image.Point{{854, 480}, {1280, 720}, {480, 854}} {
		in := image.Rectangle{Max: size}
		label := image.Pt(200, 30)
		var taken []image.Rectangle
		for _, box := range []image.Rectangle{
			image.Rect(0, 0, 50, 50), image.Rect(0, 0, size.X, size.Y), image.Rect(size.X-20, size.Y-20, size.X, size.Y),
			image.Rect(-50, -50, -20, -20), image.Rect(300, 0, 400, size.Y), image.Rect(300, 0, 400, size.Y),
		} {
			r := place(in, box, label, 4, taken)
			if !r.In(in) || r.Size() != label {
				t.Errorf("label of %v in %v lies at %v", box, size, r)
			}
			for _, other := range taken {
				if r.Overlaps(other) {
					t.Errorf("labels %v and %v overlap", r, other)
				}
			}
			taken = append(taken, r)
		}
	}
}

func TestOverlayShowsStates(t *testing.T) {
	box := model.Box{X1: 100, Y1: 100, X2: 300, Y2: 200}
	var o Overlay
	draw := func(s pipeline.State) *camera.Frame {
		f := grey(640, 480)
		v := pipeline.View{Phrase: "cup", State: s}
		if v.HasBox() {
			v.Box = box
		}
		o.Draw(f, []pipeline.View{v})
		return f
	}
	top := 3 * (100*640 + 100) // the row of the box's upper border
	row := func(f *camera.Frame) []byte { return f.Pix[top : top+3*200] }
	sky := []byte{Color(0).B, Color(0).G, Color(0).R}
	locked, unsure := bytes.Count(row(draw(pipeline.Locked)), sky), bytes.Count(row(draw(pipeline.Unsure)), sky)
	if locked != 200 || unsure < 60 || unsure > 160 {
		t.Errorf("of 200 border pixels %d are painted when locked, %d when unsure", locked, unsure)
	}
	for _, s := range []pipeline.State{pipeline.Searching, pipeline.Lost, pipeline.Absent} {
		if r := painted(draw(s)); r.Empty() || r.Min.Y < 400 {
			t.Errorf("%v paints %v, want a line at the bottom", s, r)
		}
	}
	f := grey(640, 480)
	if o.Draw(f, nil); !painted(f).Empty() {
		t.Error("no views, yet something is painted")
	}
}

func TestLetteringScales(t *testing.T) {
	for _, h := range []int{480, 720, 2160} {
		m := measure(grey(h*16/9, h))
		if share := float64(m.text) / float64(h); share < 0.03 || share > 0.04 {
			t.Errorf("letters are %d of %d pixels high", m.text, h)
		}
	}
}

func TestShorten(t *testing.T) {
	l, err := newLettering(20)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "cup", "the red cup on the left", "Ünïcödé 漢字 phrase", strings.Repeat("x", 9999)} {
		for _, width := range []int{0, 10, 60, 200} {
			got := l.shorten(text, width)
			if l.width(got) > max(width, l.width("…")) {
				t.Errorf("shorten(%.20q, %d) = %q is %d wide", text, width, got, l.width(got))
			}
			if got != text && !strings.HasSuffix(got, "…") {
				t.Errorf("shorten(%.20q, %d) = %q has no ellipsis", text, width, got)
			}
		}
	}
	if got := l.tail("the red cup", l.width("cup")); got != "cup" {
		t.Errorf("tail = %q, want cup", got)
	}
	for r := range rune(2 * maxGlyphs) {
		l.glyph(r + ' ')
	}
	if len(l.glyphs) > maxGlyphs {
		t.Errorf("%d letters are remembered", len(l.glyphs))
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"a\nb": "a b", " a \t b ": "a b", "\x1b[31mred": "[31mred", "a\u202eb": "ab", "": ""} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func BenchmarkOverlay(b *testing.B) {
	for _, size := range [][2]int{{1280, 720}, {3840, 2160}} {
		b.Run(fmt.Sprint(size[1]), func(b *testing.B) {
			o, f := Overlay{ShowAge: true}, grey(size[0], size[1])
			k := float32(size[1]) / 720
			views := []pipeline.View{{Phrase: "the red cup on the left", State: pipeline.Locked, Box: model.Box{X1: 100 * k, Y1: 100 * k, X2: 400 * k, Y2: 500 * k}, Age: 48 * time.Millisecond}}
			for b.Loop() {
				o.Draw(f, views)
			}
		})
	}
}

func TestStagesOnThePicture(t *testing.T) {
	var times pipeline.Timings
	bare, told := grey(640, 360), grey(640, 360)
	o := Overlay{Times: &times}
	o.Draw(told, nil)
	if bytes.Equal(bare.Pix, told.Pix) {
		t.Error("nothing is written before the first answer")
	}
	times.Add(pipeline.StageGround, 12345*time.Microsecond)
	times.Add(pipeline.StageFresh, 40*time.Millisecond)
	var b breakdown
	now := time.Now()
	if got := b.of(&times, now); got != "ground 12.3  fresh 40.0 ms" {
		t.Errorf("it says %q", got)
	}
	times.Add(pipeline.StageCarry, time.Millisecond)
	if got := b.of(&times, now.Add(breakdownEvery/2)); strings.Contains(got, "carry") {
		t.Errorf("told anew at once: %q", got)
	}
	if got := b.of(&times, now.Add(breakdownEvery)); !strings.Contains(got, "carry 1.0") {
		t.Errorf("not told anew: %q", got)
	}
}

func TestCaptionOnThePicture(t *testing.T) {
	text := "listening"
	o := Overlay{Caption: func() string { return text }}
	f := grey(640, 360)
	o.Draw(f, nil)
	r := painted(f)
	if r.Empty() || r.Min.Y < 300 {
		t.Errorf("the caption is painted at %v", r)
	}
	g := grey(640, 360)
	o.Draw(g, []pipeline.View{{Phrase: "a dog", State: pipeline.Absent}})
	if both := painted(g); both.Min.Y >= r.Min.Y || both.Max.Y != r.Max.Y {
		t.Errorf("the caption is at %v, with a line above it at %v", r, both)
	}
	text = ""
	f = grey(640, 360)
	if o.Draw(f, nil); !painted(f).Empty() {
		t.Error("an empty caption is painted")
	}
	o.Draw(f, []pipeline.View{{Phrase: "p", State: pipeline.Locked, Box: model.Box{X1: 1, Y1: 1, X2: 9, Y2: 9}}})
}
