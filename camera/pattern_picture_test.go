package camera

import (
	"image"
	"testing"
)

// red and green are the colours of the pattern's square and disc, blue first.
var red, green = [3]byte{40, 40, 220}, [3]byte{60, 190, 70}

func pixel(f *Frame, x, y int) [3]byte { return [3]byte(f.Pix[3*(y*f.Width+x):]) }

// within is the smallest rectangle around the pixels of one colour.
func within(f *Frame, bgr [3]byte) image.Rectangle {
	var r image.Rectangle
	for y := range f.Height {
		for x := range f.Width {
			if pixel(f, x, y) == bgr {
				r = r.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return r
}

// The square takes four seconds from side to side and back, the disc seven; both are
// a fifth of the short side. Their place is rounded down, so it may be a pixel less.
func TestPatternShapes(t *testing.T) {
	for name, tt := range map[string]struct {
		n            int // number of the frame, four a second
		square, disc int // where they begin, of 180; -1 for anywhere
	}{
		"at first":          {0, 90, 180},
		"a quarter round":   {4, 180, -1},
		"disc at a quarter": {7, -1, 90},
		"disc at 3/4 s":     {3, -1, 160}, // 90 and 90 of the cosine of 0.75/7 of a round
		"half round":        {8, 90, -1},
		"three quarters":    {12, 0, -1},
		"disc at half":      {14, -1, 0},
		"an eighth":         {2, 90 + 63, -1}, // 90 of the sine of 45 degrees
		"28 s, both again":  {112, 90, 180},
	} {
		p := NewPattern(Ref{Width: 200, Height: 100, FPS: 4})
		var f Frame
		f.Resize(200, 100)
		p.draw(&f, tt.n)
		square, disc := within(&f, red), within(&f, green)
		if tt.square >= 0 {
			if d := tt.square - square.Min.X; square.Size() != image.Pt(20, 20) || square.Min.Y != 62 || d < 0 || d > 1 {
				t.Errorf("%s: the square is at %v, want it to begin at %d", name, square, tt.square)
			}
			for y := square.Min.Y; y < square.Max.Y; y++ {
				for x := square.Min.X; x < square.Max.X; x++ {
					if pixel(&f, x, y) != red {
						t.Fatalf("%s: a hole in the square at %d, %d", name, x, y)
					}
				}
			}
		}
		if tt.disc < 0 {
			continue
		}
		if d := tt.disc - disc.Min.X; d < -1 || d > 1 || disc.Min.Y < 15 || disc.Max.Y > 35 || disc.Dx() < 18 {
			t.Errorf("%s: the disc is at %v, want it to begin at %d", name, disc, tt.disc)
		}
		// A row's width is that of its upper end, and rounded down: 1.5 pixels of 10.
		for y := range f.Height {
			for x := range f.Width {
				dx, dy := float64(x)+0.5-float64(tt.disc+10), float64(y)+0.5-25
				far := dx*dx + dy*dy
				if is := pixel(&f, x, y) == green; is && far > 11.5*11.5 || !is && far < 8.5*8.5 {
					t.Fatalf("%s: at %d, %d the disc is painted %v", name, x, y, is)
				}
			}
		}
	}
}

// The sky grows darker downwards and greener to the right, with a board of 8 by 8
// fields in its red.
func TestPatternBackground(t *testing.T) {
	p := NewPattern(Ref{Width: 160, Height: 80})
	f := Frame{Width: 160, Height: 80, Pix: p.back}
	for j := range 8 {
		for i := range 8 {
			for _, in := range []int{0, 9} { // the first and the last pixel of a field
				x, y := 20*i+2*in, 10*j+in
				want := [3]byte{byte(200 - 120*y/80), byte(90 + 60*x/160), byte(60 + 40*((i+j)%2))}
				if got := pixel(&f, x, y); got != want {
					t.Fatalf("field %d, %d at %d, %d: %v, want %v", i, j, x, y, got, want)
				}
			}
		}
	}
	if got := pixel(&f, 159, 79); got[0] != 82 || got[1] != 149 { // 120*79/80 and 60*159/160, rounded down
		t.Errorf("the last pixel is %v", got)
	}
}

func TestPatternLimits(t *testing.T) {
	for source, good := range map[string]bool{
		"pattern://8192x1": true, "pattern://1x8192": true, "pattern://8193x1": false, "pattern://1x8193": false,
		"pattern://0x1": false, "pattern://1x0": false,
		"pattern://@1000": true, "pattern://@1000.5": false,
	} {
		if r, err := Parse(source); (err == nil) != good {
			t.Errorf("%s: %+v, %v", source, r, err)
		}
	}
}
