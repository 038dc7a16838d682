package camera

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The test pattern's size and speed where its address names none, and its limits.
const (
	patternWidth  = 640
	patternHeight = 480
	patternFPS    = 30
	patternMax    = 8192 // pixels a side
	patternMaxFPS = 1000
)

// parsePattern reads [WxH][@FPS][?frames=N].
func parsePattern(source, rest string) (Ref, error) {
	r := Ref{Kind: TestPattern, URI: source, Width: patternWidth, Height: patternHeight, FPS: patternFPS}
	wrong := func(what string) (Ref, error) {
		return Ref{}, fmt.Errorf("read source %q: %s (write pattern://640x480@30?frames=90)", source, what)
	}
	rest, query, _ := strings.Cut(rest, "?")
	size, fps, hasFPS := strings.Cut(strings.TrimSuffix(rest, "/"), "@")
	if size != "" {
		w, h, _ := strings.Cut(size, "x")
		var errW, errH error
		r.Width, errW = strconv.Atoi(w)
		r.Height, errH = strconv.Atoi(h)
		if errW != nil || errH != nil || min(r.Width, r.Height) < 1 || max(r.Width, r.Height) > patternMax {
			return wrong(fmt.Sprintf("%q is no size up to %dx%d", size, patternMax, patternMax))
		}
	}
	if hasFPS {
		v, err := strconv.ParseFloat(fps, 64)
		if err != nil || !(v > 0 && v <= patternMaxFPS) {
			return wrong(fmt.Sprintf("%q is no number of frames a second", fps))
		}
		r.FPS = v
	}
	asked, err := url.ParseQuery(query)
	if err != nil {
		return wrong("what follows the ? is not a query")
	}
	for key, v := range asked {
		n, err := strconv.Atoi(v[0])
		if key != "frames" || err != nil || n < 1 {
			return wrong(fmt.Sprintf("%s=%s is not frames=N", key, v[0]))
		}
		r.Frames = n
	}
	return r, nil
}

// Pattern draws a moving picture: a red square and a green disc before a blue
// sky. It is cheap, and frame n looks the same on every machine and run. It
// belongs to one goroutine.
type Pattern struct {
	ref   Ref
	back  []byte // one frame of background
	n     int    // the next frame's number, from 0
	start time.Time
}

// NewPattern makes the pattern that ref asks for.
func NewPattern(ref Ref) *Pattern {
	p := &Pattern{ref: ref, back: make([]byte, 3*ref.Width*ref.Height)}
	for y := range ref.Height {
		for x := range ref.Width {
			at := p.back[3*(y*ref.Width+x):]
			at[0] = byte(200 - 120*y/ref.Height)
			at[1] = byte(90 + 60*x/ref.Width)
			at[2] = byte(60 + 40*((8*x/ref.Width+8*y/ref.Height)%2))
		}
	}
	return p
}

// Skip passes over the first n frames.
func (p *Pattern) Skip(n uint64) { p.n = int(n) }

// Next draws the next frame into f. Without an end it keeps the pace of a
// camera and leaves out frames when nobody took them in time; with an end it
// is as fast as it can and returns io.EOF after the last. Its other error is
// that of ctx.
func (p *Pattern) Next(ctx context.Context, f *Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.ref.Frames > 0 && p.n >= p.ref.Frames {
		return io.EOF
	}
	if p.ref.Live() {
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	f.Resize(p.ref.Width, p.ref.Height)
	p.draw(f, p.n)
	f.Seq, f.At, f.PTS = uint64(p.n+1), time.Now(), p.pts(p.n)
	p.n++
	return nil
}

// pts is when frame n is due, counted from the first.
func (p *Pattern) pts(n int) time.Duration {
	return time.Duration(float64(n) / p.ref.FPS * float64(time.Second))
}

// wait sleeps until the next frame is due, or skips to the one due now.
func (p *Pattern) wait(ctx context.Context) error {
	now := time.Now()
	if p.start.IsZero() {
		p.start = now
	}
	late := now.Sub(p.start) - p.pts(p.n)
	if late >= 0 {
		p.n += int(late.Seconds() * p.ref.FPS)
		return nil
	}
	return Sleep(ctx, -late)
}

// draw paints frame n. The shapes take four and seven seconds for a round.
func (p *Pattern) draw(f *Frame, n int) {
	copy(f.Pix, p.back)
	w, h, t := float64(f.Width), float64(f.Height), float64(n)/p.ref.FPS
	side := min(w, h) / 5
	x := (w - side) * (0.5 + 0.5*math.Sin(2*math.Pi*t/4))
	p.fill(f, int(x), int(h*0.62), int(side), false, [3]byte{40, 40, 220})
	x = (w - side) * (0.5 + 0.5*math.Cos(2*math.Pi*t/7))
	p.fill(f, int(x), int(h*0.15), int(side), true, [3]byte{60, 190, 70})
}

// fill paints a square, or the disc inside it, with its corner at x0, y0.
func (p *Pattern) fill(f *Frame, x0, y0, side int, round bool, bgr [3]byte) {
	for y := max(y0, 0); y < min(y0+side, f.Height); y++ {
		in := side
		if round {
			dy := float64(2*(y-y0)-side) / float64(side)
			in = int(float64(side) * math.Sqrt(max(0, 1-dy*dy)))
		}
		from := x0 + (side-in)/2
		for x := max(from, 0); x < min(from+in, f.Width); x++ {
			copy(f.Pix[3*(y*f.Width+x):], bgr[:])
		}
	}
}
