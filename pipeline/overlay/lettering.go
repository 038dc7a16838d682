package overlay

import (
	"image"
	"image/color"
	"image/draw"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// medium is the one font of the overlay, parsed once. It ships with the
// program, so parsing cannot fail.
var medium = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		panic(err)
	}
	return f
})

// maxGlyphs bounds the memory of a lettering; people type few different letters.
const maxGlyphs = 512

// A lettering writes in one size. It belongs to one goroutine.
type lettering struct {
	face   font.Face
	ascent int // pixels above the baseline
	height int // pixels from one line to the next
	glyphs map[rune]glyph
}

// glyph is one letter: its mask, with the corner relative to the pen.
type glyph struct {
	mask    *image.Alpha
	advance fixed.Int26_6
}

// newLettering makes letters of size pixels.
func newLettering(size int) (*lettering, error) {
	face, err := opentype.NewFace(medium(), &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, err
	}
	m := face.Metrics()
	return &lettering{face: face, ascent: m.Ascent.Ceil(), height: (m.Ascent + m.Descent).Ceil(), glyphs: map[rune]glyph{}}, nil
}

// glyph is the letter r from memory, or drawn.
func (l *lettering) glyph(r rune) glyph {
	if g, ok := l.glyphs[r]; ok {
		return g
	}
	box, mask, at, advance, ok := l.face.Glyph(fixed.P(0, 0), r)
	if !ok {
		box, mask, at, advance, _ = l.face.Glyph(fixed.P(0, 0), '\uFFFD')
	}
	own := image.NewAlpha(box) // the face draws its next letter into the same mask
	if mask != nil {
		draw.Draw(own, box, mask, at, draw.Src)
	}
	if len(l.glyphs) >= maxGlyphs {
		clear(l.glyphs)
	}
	g := glyph{own, advance}
	l.glyphs[r] = g
	return g
}

// width is how wide text is in pixels.
func (l *lettering) width(text string) int {
	var w fixed.Int26_6
	for _, r := range text {
		w += l.glyph(r).advance
	}
	return w.Ceil()
}

// write puts text on c with the top left corner of its line at x, y.
func (l *lettering) write(c canvas, x, y int, text string, paint color.NRGBA) {
	pen := fixed.I(x)
	for _, r := range text {
		g := l.glyph(r)
		c.stamp(g.mask, image.Pt(pen.Round(), y+l.ascent), paint)
		pen += g.advance
	}
}

// shorten cuts text to at most width pixels and says so with an ellipsis.
func (l *lettering) shorten(text string, width int) string {
	if l.width(text) <= width {
		return text
	}
	const dots = "…"
	room := width - l.width(dots)
	var w fixed.Int26_6
	for i, r := range text {
		if w += l.glyph(r).advance; w.Ceil() > room {
			return strings.TrimRightFunc(text[:i], unicode.IsSpace) + dots
		}
	}
	return text
}

// tail is as much of text's end as fits into width pixels.
func (l *lettering) tail(text string, width int) string {
	var w fixed.Int26_6
	for i := len(text); i > 0; {
		r, size := utf8.DecodeLastRuneInString(text[:i])
		if w += l.glyph(r).advance; w.Ceil() > width {
			return text[i:]
		}
		i -= size
	}
	return text
}

// plain is text on one line, without signs that cannot be seen.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
