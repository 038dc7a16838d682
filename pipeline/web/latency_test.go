package web

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/overlay"
)

// clockBits is how many bits of the time of day, in milliseconds, a clock shows: it goes
// round in some hours.
const clockBits = 24

// A clock is a camera that sees the time: a column a bit, white for 1, and below each its
// opposite, so that a picture that is torn or not there yet is no time.
type clock struct {
	every time.Duration
	seq   uint64
}

func (c *clock) Next(ctx context.Context, f *camera.Frame) error {
	select {
	case <-time.After(c.every):
	case <-ctx.Done():
		return ctx.Err()
	}
	c.seq++
	now := time.Now()
	*f = camera.Frame{Seq: c.seq, At: now, PTS: time.Duration(c.seq) * c.every, Width: 480, Height: 270, Pix: slices.Grow(f.Pix[:0], 3*480*270)[:3*480*270]}
	for y := range f.Height {
		for x := range f.Width {
			on := now.UnixMilli()>>(x*clockBits/f.Width)&1 == 1
			v := byte(0)
			if on != (y >= f.Height/2) {
				v = 255
			}
			at := 3 * (y*f.Width + x)
			f.Pix[at], f.Pix[at+1], f.Pix[at+2] = v, v, v
		}
	}
	return nil
}

// readClock notes of each picture that the page shows how old it is when it is there to
// be painted.
const readClock = `(() => {
  const bits = 24, img = document.getElementById("picture"), c = document.createElement("canvas");
  [c.width, c.height] = [bits, 2];
  const to = c.getContext("2d", { willReadFrequently: true });
  let before = -1;
  window.ages = [];
  const look = () => {
    to.drawImage(img, 0, 0, bits, 2);
    const p = to.getImageData(0, 0, bits, 2).data;
    let shown = 0, whole = true;
    for (let i = 0; i < bits; i++) {
      const on = p[4 * i] > 127;
      whole &&= on !== p[4 * (bits + i)] > 127;
      if (on) shown |= 1 << i;
    }
    if (whole && shown !== before) {
      before = shown;
      window.ages.push((Date.now() - shown) & 0xffffff);
    }
    requestAnimationFrame(look);
  };
  look();
  return true;
})()`

// TestLatencyToThePage measures how old a picture is when a page has it, by a clock that
// the camera sees and the page reads: with the headers of the next part sent ahead, as the
// page asks, and without. It prints, and judges only that no picture is from the future or
// comes late by more than a test may hang.
func TestLatencyToThePage(t *testing.T) {
	ctx := browser(t)
	s, p := serve(t, func(o *Options) { o.Draw = (&overlay.Overlay{}).Draw })
	every := time.Second / 10
	p.Line = line.New(line.Config{From: &clock{every: every}, By: byColour{}, Outputs: []pipeline.Output{{Name: "page", To: s, Needs: pipeline.Undrawn}}})
	run, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Live(run) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	b := tab{t, ctx}
	b.do("open", chromedp.Navigate(s.at("")))
	b.until("a picture", `document.getElementById("picture").naturalWidth === 480`)
	eval[bool](b, readClock)
	ahead := b.ages(t, "api/stream.mjpeg?ahead=true", every)
	plain := b.ages(t, "api/stream.mjpeg?at=1", every)
	t.Logf("the age of a picture with headers ahead is %.2f of that without", ahead/plain)
}

// ages shows a stream on the page, and is the median age of its pictures, ms.
func (b tab) ages(t *testing.T, stream string, every time.Duration) float64 {
	t.Helper()
	const pictures = 25
	eval[any](b, fmt.Sprintf(`document.getElementById("picture").src = %q`, stream))
	b.until("the stream", `window.ages.length > 0`)
	eval[any](b, `window.ages = []`)
	b.until("pictures that were read", fmt.Sprintf(`window.ages.length >= %d`, pictures+2))
	var ages []float64
	if err := json.Unmarshal([]byte(eval[string](b, `JSON.stringify(window.ages.slice(2))`)), &ages); err != nil { // of the stream before
		t.Fatal(err)
	}
	slices.Sort(ages)
	middle, late, interval := ages[len(ages)/2], ages[len(ages)*95/100], float64(every.Milliseconds())
	if most := float64(hang.Milliseconds()); ages[len(ages)-1] > most { // one from the future would be, too: the clock goes round
		t.Errorf("a picture was %v ms old", ages[len(ages)-1])
	}
	t.Logf("%s: camera to page, %d pictures: median %.0f ms, 95 of 100 at most %.0f ms; %.2f and %.2f of the time from picture to picture", stream, len(ages), middle, late, middle/interval, late/interval)
	return middle
}

// TestThinLinkBytes says what a thin link is spared.
func TestThinLinkBytes(t *testing.T) {
	ref, err := camera.Parse("pattern://160x120?frames=1")
	if err != nil {
		t.Fatal(err)
	}
	var f camera.Frame
	if err := camera.NewPattern(ref).Next(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	size := func(quality int) float64 {
		jpeg, err := encode(&f, quality)
		if err != nil {
			t.Fatal(err)
		}
		return float64(len(jpeg))
	}
	full, thin, thinnest := 30*size(streamQuality), 10*size(50), 2*size(30)
	if thin >= full/3 || thinnest >= thin/5 { // by the rates alone
		t.Errorf("bytes a second: %v, %v and %v", full, thin, thinnest)
	}
	t.Logf("of the bytes of 30 pictures a second a link carries %.2f with quality 50 and 10 a second, %.3f with quality 30 and 2 a second", thin/full, thinnest/full)
}
