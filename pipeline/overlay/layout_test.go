package overlay

import (
	"bytes"
	"image"
	"image/color"
	"strings"
	"testing"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// where is the smallest rectangle around the pixels of exactly one colour.
func where(f *camera.Frame, c color.NRGBA) image.Rectangle {
	var r image.Rectangle
	for i := range f.Width * f.Height {
		if p := f.Pix[3*i : 3*i+3]; p[0] == c.B && p[1] == c.G && p[2] == c.R {
			r = r.Union(image.Rect(i%f.Width, i/f.Width, i%f.Width+1, i/f.Width+1))
		}
	}
	return r
}

// about says whether a and b are at most by apart.
func about(a, b, by int) bool { return a-b <= by && b-a <= by }

// ready is an overlay with letters of f's size, and the sizes.
func ready(t *testing.T, f *camera.Frame) (*Overlay, metrics) {
	t.Helper()
	o, m := &Overlay{}, measure(f)
	if !o.prepare(m) {
		t.Fatal("no letters")
	}
	return o, m
}

func TestSizesFollowTheShortSide(t *testing.T) {
	full := metrics{text: 37, line: 6, edge: 2, dash: 24, pad: 11, gap: 9, radius: 9} // of 1080
	least := metrics{text: 11, line: 2, edge: 1, dash: 5, pad: 3, gap: 2, radius: 2}
	for name, tt := range map[string]struct {
		w, h int
		want metrics
	}{
		"1080p": {1920, 1080, full}, "upright": {1080, 1920, full},
		"tiny": {64, 48, least},
	} {
		if got := measure(&camera.Frame{Width: tt.w, Height: tt.h}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	f := grey(640, 480)
	o, m := ready(t, f)
	before := o.letters
	if !o.prepare(m) || o.letters != before {
		t.Error("letters of the same size are made anew")
	}
	if !o.prepare(measure(grey(1280, 720))) || o.letters == before {
		t.Error("letters of another size are not made")
	}
}

// Letters lie between the top of their line and its bottom, from the pen on, and are
// as wide as they say. A letter's edge may lie a pixel off its advance.
func TestLettersAreWhereTheyAreWritten(t *testing.T) {
	f := grey(400, 100)
	o, _ := ready(t, grey(640, 480))
	o.letters.write(canvas{f}, 30, 20, "HÅgy| cup H", ink)
	got, w := painted(f), o.letters.width("HÅgy| cup H")
	if !about(got.Min.X, 30, 2) || !about(got.Max.X, 30+w, 2) || got.Min.Y < 20 || got.Max.Y > 20+o.letters.height {
		t.Errorf("letters at %v, want from 30 to %d, within 20 to %d", got, 30+w, 20+o.letters.height)
	}
	if got.Dy() < o.letters.height*8/10 {
		t.Errorf("letters are %d high in a line of %d", got.Dy(), o.letters.height)
	}
	again := grey(400, 100)
	if o.letters.write(canvas{again}, 30, 20, "HÅgy| cup H", ink); !bytes.Equal(f.Pix, again.Pix) {
		t.Error("letters from memory differ from those drawn first")
	}
	odd := grey(400, 100)
	if o.letters.write(canvas{odd}, 30, 20, "\U0001F9FF", ink); painted(odd).Empty() {
		t.Error("a letter that the font lacks is not marked")
	}
}

// Text is cut where it must be, and no earlier.
func TestTextIsCutToThePixel(t *testing.T) {
	o, _ := ready(t, grey(640, 480))
	l := o.letters
	if got := l.shorten("the cup", l.width("the cup")); got != "the cup" {
		t.Errorf("text that fits just so becomes %q", got)
	}
	if got := l.shorten("the cups", l.width("the c…")); got != "the c…" {
		t.Errorf("room for five letters and dots, and it is %q", got)
	}
	if got := l.shorten("the cups", l.width("the …")); got != "the…" {
		t.Errorf("a space before the dots: %q", got)
	}
	if got := l.tail("the cups", l.width("cups")-1); got != "ups" {
		t.Errorf("the tail that fits is %q", got)
	}
	if got := l.tail("the cups", l.width("the cups")); got != "the cups" {
		t.Errorf("the tail of what fits is %q", got)
	}
}

// A banner is a dot in the phrase's colour and a text, with the same room around them.
func TestBanner(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	r := o.banner(canvas{f}, m, 700, "lost: ", "HHHH", Color(2))
	if got := painted(f); got != r {
		t.Errorf("painted at %v, told %v", got, r)
	}
	text := o.letters.width("lost: HHHH")
	if want := image.Rect(2*m.gap, 700-o.letters.height-m.pad, 2*m.gap+3*m.pad+m.text/2+text, 700); r != want {
		t.Errorf("a banner at %v, want %v", r, want)
	}
	dot := where(f, Color(2))
	// A round plate's first and last row may be empty.
	if !about(dot.Min.X, r.Min.X+m.pad, 1) || !about(dot.Dx(), m.text/2, 2) || dot.Dx() != dot.Dy() || !about(dot.Min.Y+dot.Max.Y, r.Min.Y+r.Max.Y, 2) {
		t.Errorf("its dot at %v in %v", dot, r)
	}
	letters := where(f, paper)
	if !about(letters.Min.X, r.Min.X+2*m.pad+m.text/2, 3) || !about(letters.Max.X, r.Max.X-m.pad, 3) || letters.Min.Y < r.Min.Y+m.pad/2 || letters.Max.Y > r.Max.Y-m.pad/2 {
		t.Errorf("its letters at %v in %v", letters, r)
	}
}

func TestLongBannerIsCutToTheFrame(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	r := o.banner(canvas{f}, m, 700, "lost: ", strings.Repeat("i", 2000), Color(0))
	// As much room at the right as at the left, but for less than a letter.
	if right := f.Width - 2*m.gap; r.Max.X > right || r.Max.X < right-o.letters.width("i")-1 {
		t.Errorf("a banner up to %d of %d", r.Max.X, right)
	}
}

func TestBannersStandOnEachOther(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	o.Caption = func() string { return "listening" }
	box := model.Box{X1: 1, Y1: 1, X2: 9, Y2: 9}
	views := []pipeline.View{{Phrase: "a", State: pipeline.Lost}, {Phrase: "b", State: pipeline.Locked, Box: box}, {Phrase: "c", State: pipeline.Absent}}
	taken := o.banners(canvas{f}, m, views)
	if len(taken) != 3 {
		t.Fatalf("%d banners, want the caption and two of three phrases", len(taken))
	}
	bottom := f.Height - 2*m.gap
	for i, r := range taken {
		if r.Max.Y != bottom || r.Min.X != 2*m.gap {
			t.Errorf("banner %d at %v, want it at the left and to end at %d", i, r, bottom)
		}
		bottom = r.Min.Y - m.gap
	}
	for i, c := range map[int]color.NRGBA{0: paper, 1: Color(2), 2: Color(0)} { // the last phrase is the lowest
		if got := where(f, c).Intersect(taken[i]); got.Empty() {
			t.Errorf("banner %d has no dot of %v", i, c)
		}
	}
	if got := where(f, Color(1)); !got.Empty() {
		t.Errorf("a phrase with a box has a banner at %v", got)
	}
}

// Banners may reach the middle of the picture, and no more of them are begun there.
func TestManyBannersLeaveThePicture(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	views := make([]pipeline.View, 100)
	for i := range views {
		views[i].Phrase = "p"
	}
	taken := o.banners(canvas{f}, m, views)
	last := taken[len(taken)-1]
	if last.Max.Y < f.Height/2 || last.Min.Y-m.gap >= f.Height/2 {
		t.Errorf("the highest of %d banners is at %v of %d", len(taken), last, f.Height)
	}
}

func TestSays(t *testing.T) {
	for s, want := range map[pipeline.State]string{pipeline.Absent: "not there: ", pipeline.Lost: "lost: ", pipeline.Searching: "looking for: "} {
		if got := says(s); got != want {
			t.Errorf("%v says %q, want %q", s, got, want)
		}
	}
}

func TestPrompt(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	o.Prompt(f, "look for:", "HHH")
	strip := painted(f)
	if want := image.Rect(0, f.Height-o.letters.height-3*m.pad, f.Width, f.Height); strip != want {
		t.Errorf("painted at %v, want %v", strip, want)
	}
	lead := where(f, Color(0))
	if !about(lead.Min.X, 2*m.pad, 3) || lead.Min.Y < strip.Min.Y+m.pad || lead.Max.Y > f.Height-m.pad {
		t.Errorf("what it is for is at %v in %v", lead, strip)
	}
	at := 2*m.pad + o.letters.width("look for: ")
	typed := where(f, paper)
	end := at + o.letters.width("HHH") + 2*m.line // the cursor stands a line after the letters
	if !about(typed.Min.X, at, 3) || typed.Max.X != end || typed.Dy() != o.letters.height || !about(strip.Max.Y-typed.Max.Y, typed.Min.Y-strip.Min.Y, 2) {
		t.Errorf("letters and cursor at %v, want from %d to %d, in the middle of %v", typed, at, end, strip)
	}
	cursor := 0
	for x := range f.Width {
		if p := f.Pix[3*(typed.Min.Y*f.Width+x):]; p[0] == paper.B && p[1] == paper.G && p[2] == paper.R {
			cursor++ // at the very top of the line there are no letters
		}
	}
	if cursor != m.line {
		t.Errorf("a cursor %d wide, want %d", cursor, m.line)
	}
}

// However long the two texts are, the end of what is typed and the cursor are seen.
func TestLongPromptShowsItsEnd(t *testing.T) {
	f := grey(1280, 720)
	o, m := ready(t, f)
	o.Prompt(f, strings.Repeat("i", 2000), strings.Repeat("l", 2000))
	lead, typed := where(f, Color(0)), where(f, paper)
	// The lead takes six tenths, but for less than a letter and a space.
	if room := f.Width * 6 / 10; lead.Dx() > room || lead.Dx() < room-2*o.letters.width("i")-2 {
		t.Errorf("the lead is %d wide of %d", lead.Dx(), f.Width)
	}
	if right := f.Width - 2*m.pad + 2*m.line; typed.Max.X > right || typed.Max.X < right-o.letters.width("l")-1 {
		t.Errorf("what is typed reaches to %d, want about %d", typed.Max.X, right)
	}
}

func TestNoticeAndStagesAtTheTop(t *testing.T) {
	var times pipeline.Timings
	text := "waiting for the first answer"
	for name, tt := range map[string]struct {
		gap  int // to the frame's corner, gaps
		draw func(*Overlay, *camera.Frame)
	}{
		"notice": {2, func(o *Overlay, f *camera.Frame) { o.Notice(f, text) }},
		"stages": {1, func(o *Overlay, f *camera.Frame) { o.Times = &times; o.Draw(f, nil) }},
	} {
		f := grey(1280, 720)
		o, m := ready(t, f)
		tt.draw(o, f)
		x := tt.gap * m.gap
		want := image.Rect(x, x, x+o.letters.width(text)+2*m.pad, x+o.letters.height+m.pad)
		if got := painted(f); got != want {
			t.Errorf("%s: painted at %v, want %v", name, got, want)
		}
		letters := where(f, paper)
		if !about(letters.Min.X, want.Min.X+m.pad, 3) || !about(letters.Max.X, want.Max.X-m.pad, 3) || letters.Min.Y < want.Min.Y+m.pad/2 || letters.Max.Y > want.Max.Y-m.pad/2 {
			t.Errorf("%s: letters at %v in %v", name, letters, want)
		}
		narrow := grey(100, 720)
		tt.draw(o, narrow)
		o, _ = ready(t, narrow)
		got := painted(narrow)
		// As much room at the right as at the left, but for less than a word's end.
		if right := narrow.Width - got.Min.X; got.Max.X > right || got.Max.X < right-o.letters.width("w ")-1 {
			t.Errorf("%s: on a narrow frame it is at %v", name, got)
		}
	}
}

// A frame of 8 pixels is the smallest that anything is painted on.
func TestSmallestFrame(t *testing.T) {
	views := []pipeline.View{{Phrase: "p", State: pipeline.Locked, Box: model.Box{X2: 8, Y2: 8}}}
	for _, size := range [][2]int{{8, 8}, {7, 9}, {9, 7}} {
		for name, draw := range map[string]func(*Overlay, *camera.Frame){
			"draw":   func(o *Overlay, f *camera.Frame) { o.Draw(f, views) },
			"prompt": func(o *Overlay, f *camera.Frame) { o.Prompt(f, "look for:", "cup") },
			"notice": func(o *Overlay, f *camera.Frame) { o.Notice(f, "the camera is away") },
		} {
			f := grey(size[0], size[1])
			draw(&Overlay{}, f)
			if got, want := !painted(f).Empty(), size[0] >= 8 && size[1] >= 8; got != want {
				t.Errorf("%s on %v: painted %v, want %v", name, size, got, want)
			}
		}
	}
}
