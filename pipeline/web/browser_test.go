package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/overlay"
)

// byColour is a grounder that understands two phrases about the test pattern,
// and finds what they mean by its colour.
type byColour struct{}

func (byColour) Ground(_ context.Context, f *camera.Frame, ps []model.Phrase) ([]model.Answer, error) {
	var answers []model.Answer
	for _, p := range ps {
		a := model.Answer{Phrase: p.Text, Boxes: []model.Box{{}}, Scores: []float32{0.9}, Attention: make([]float32, 16), Grid: 4}
		a.Attention[5] = 1
		is := map[string]func(b, g, r byte) bool{
			"the red square": func(b, g, r byte) bool { return r > 180 && g < 90 },
			"the green disc": func(b, g, r byte) bool { return g > 170 && r < 90 && b < 110 },
		}[p.Text]
		if is != nil {
			a.Boxes[0], a.Present = bounds(f, is), true
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// bounds is the box around all pixels of a colour.
func bounds(f *camera.Frame, is func(b, g, r byte) bool) model.Box {
	x1, y1, x2, y2 := f.Width, f.Height, 0, 0
	for i := range f.Width * f.Height {
		if is(f.Pix[3*i], f.Pix[3*i+1], f.Pix[3*i+2]) {
			x, y := i%f.Width, i/f.Width
			x1, y1, x2, y2 = min(x1, x), min(y1, y), max(x2, x+1), max(y2, y+1)
		}
	}
	return model.Box{X1: float32(x1), Y1: float32(y1), X2: float32(x2), Y2: float32(y2)}
}

// browser opens Debian's chromium without a window, or skips.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil && path == "" {
			path = p
		}
	}
	if path == "" {
		t.Skip("no chromium on this machine (install it to test the page)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute), chromedp.WindowSize(1360, 860),
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true))
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(stop)
	ctx, end := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(end)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Log(err)
		}
		leave()
	})
	return ctx
}

// A tab is a page under test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func (b tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// eval is what a line of JavaScript says.
func eval[T any](b tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// until waits for a condition of the page, written in JavaScript.
func (b tab) until(what, condition string) {
	b.t.Helper()
	for deadline := time.Now().Add(hang); !eval[bool](b, "Boolean("+condition+")"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: never %s; the page says\n%s", what, condition, eval[string](b, "document.body.innerText"))
		}
	}
}

// overType types keys into the field for phrases, in place of what is in it.
func (b tab) overType(keys string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		if _, err := chromedp.Evaluate[bool](`(document.getElementById("phrase").select(), true)`)(ctx, to); err != nil {
			return err
		}
		_, err := chromedp.KeyEvent(keys)(ctx, to)
		return err
	})
}

// shot saves a picture of the page where DEIXIS_SCREENSHOTS names a folder.
func (b tab) shot(name string) {
	dir := os.Getenv("DEIXIS_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Error(err)
	}
}

// seen is the lower edge of the box that is drawn on the live picture, in its
// pixels: of what has the colour of the first target. Its label is above.
const seen = `(() => {
  const img = document.getElementById("picture"), c = document.createElement("canvas");
  [c.width, c.height] = [img.naturalWidth, img.naturalHeight];
  const to = c.getContext("2d");
  to.drawImage(img, 0, 0);
  const p = to.getImageData(0, 0, c.width, c.height).data;
  let lowest = -1;
  for (let i = 0; i < p.length; i += 4) {
    if (Math.abs(p[i] - 0x4c) + Math.abs(p[i + 1] - 0xd9) + Math.abs(p[i + 2] - 0xff) > 60) continue;
    lowest = Math.floor(i / 4 / c.width);
  }
  return lowest;
})()`

// play runs the line of p on a test pattern until the test ends.
func play(t *testing.T, s *Server, p *program, uri string) {
	t.Helper()
	ref, err := camera.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	p.gate.From, p.gate.Drain = camera.NewPattern(ref), true
	p.mirror.From = &p.gate
	p.Line = line.New(line.Config{From: &p.mirror, By: byColour{}, Outputs: []pipeline.Output{{Name: "page", To: s, Needs: pipeline.Undrawn}}})
	run, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Live(run) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestPageInABrowser types a phrase and sees the box move to the other thing,
// then tries every other part of the page. It takes some seconds, because a
// browser does to start.
func TestPageInABrowser(t *testing.T) {
	ctx := browser(t)
	s, p := serve(t, func(o *Options) {
		o.Draw = (&overlay.Overlay{}).Draw
	})
	play(t, s, p, "pattern://320x240@10")
	if err := p.ask([]string{"the red square"}); err != nil {
		t.Fatal(err)
	}
	b := tab{t, ctx}
	b.do("open", chromedp.Navigate(s.at("")))
	b.until("the first phrase", `document.querySelector("#targets li[data-state=locked]")?.innerText.includes("the red square")`)
	b.until("its box", seen+` > 0`)
	b.pointsAt(s, "the red square")

	b.do("type", b.overType("the green disc"+kb.Enter))
	b.until("the other phrase", `document.querySelector("#targets li[data-state=locked]")?.innerText.includes("the green disc")`)
	b.pointsAt(s, "the green disc")
	b.shot("desktop")

	b.do("type two", b.overType("the red square; a cow"+kb.Enter))
	b.until("two phrases", `document.querySelectorAll("#targets li").length === 2 && document.querySelector("#targets li[data-state=absent]")?.innerText.includes("a cow")`)
	b.do("type what is not served", b.overType("the square that is not red; a cow"+kb.Enter))
	b.until("a note", `document.querySelectorAll("#targets .notes:not([hidden])").length === 1 && document.querySelector("#targets .notes").innerText.includes("negation")`)
	b.shot("note")
	b.do("type two again", b.overType("the red square; a cow"+kb.Enter))
	b.until("no note", `document.querySelectorAll("#targets .notes:not([hidden])").length === 0`)
	b.do("type nonsense", b.overType("bad"+kb.Enter))
	b.until("a refusal", `!document.getElementById("wrong").hidden && document.getElementById("wrong").innerText.includes("bad")`)
	b.do("history", b.overType(kb.ArrowUp+kb.ArrowUp))
	b.until("what was asked before", `document.getElementById("phrase").value === "the square that is not red; a cow" && document.querySelectorAll("#history button").length === 3`)
	b.do("drop one", chromedp.Click(chromedp.CSS(`button[aria-label="Stop looking for a cow"]`)))
	b.until("one phrase", `document.querySelectorAll("#targets li").length === 1 && document.querySelector("#targets li").innerText.includes("the red square")`)

	eval[bool](b, `(document.activeElement.blur(), true)`)
	b.do("heat", chromedp.KeyEvent("h"))
	b.until("a heat map", `!document.getElementById("heat").hidden && document.getElementById("heat").getContext("2d").getImageData(`+
		`document.getElementById("heat").width * 0.375, document.getElementById("heat").height * 0.375, 1, 1).data[3] > 100`)
	b.shot("heat")
	b.do("no heat", chromedp.Click(chromedp.CSS("#warm")))
	b.until("no heat map", `document.getElementById("heat").hidden`)

	b.do("pause", chromedp.KeyEvent("p"))
	b.until("a pause", `document.getElementById("pause").innerText === "Go on" && document.getElementById("away").innerText.includes("Paused")`)
	b.do("go on", chromedp.Click(chromedp.CSS("#pause")))
	b.until("going on", `document.getElementById("pause").innerText === "Pause" && document.getElementById("away").hidden`)

	// The pattern's background is brighter on its right.
	brighter := func(on bool) string {
		return fmt.Sprintf(`(() => { const c = document.createElement("canvas"), img = document.getElementById("picture"); [c.width, c.height] = [320, 240];
		  const to = c.getContext("2d"); to.drawImage(img, 0, 0); const g = (x) => to.getImageData(x, 120, 1, 1).data[1]; return (g(2) > g(317)) === %v; })()`, on)
	}
	b.do("mirror", chromedp.Click(chromedp.CSS("#mirror")))
	b.until("a mirror", `document.getElementById("mirror").ariaPressed === "true" && `+brighter(true))
	b.do("no mirror", chromedp.KeyEvent("m"))
	b.until("no mirror", `document.getElementById("mirror").ariaPressed === "false" && `+brighter(false))

	b.correct(p)
	b.talk(p)
	b.speaks(p)
	b.failing(p)
	b.looks()
	p.setLost(true)
	b.until("a camera that is away", `document.getElementById("away").innerText.includes("away") && document.querySelector("#targets li[data-state=lost]")`)
	eval[bool](b, `document.getElementById("about").closest("details").open = true`)
	b.until("what runs", `document.getElementById("about").innerText.includes("cpu, fp32") && document.getElementById("about").innerText.includes("not in this build")`)
	b.shot("lost")
}

func (p *program) setLost(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = on
}

// pointsAt checks that the box drawn on the picture is where the thing is. The
// things move from side to side only, each at a height of its own.
func (b tab) pointsAt(s *Server, phrase string) {
	b.t.Helper()
	until(b.t, "the box on the picture at "+phrase, func() bool {
		st := s.statusAt(time.Now(), false)
		return len(st.Targets) == 1 && st.Targets[0].Phrase == phrase && st.Targets[0].Box != nil &&
			math.Abs(eval[float64](b, seen)-st.Targets[0].Box[3]) < 8
	})
}

// correct draws the right box with the mouse and by keyboard.
func (b tab) correct(p *program) {
	b.t.Helper()
	b.do("correct", chromedp.Click(chromedp.CSS("#correct")), chromedp.WaitVisible(chromedp.CSS("#box")))
	// left, top, width and height of the picture on the page
	r := eval[[4]float64](b, `(() => { const r = document.getElementById("stage").getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
	b.do("drag", chromedp.DragAndDropXY(r[0]+0.25*r[2], r[1]+0.25*r[3], r[0]+0.5*r[2], r[1]+0.75*r[3]))
	b.shot("correct")
	b.do("save", chromedp.KeyEvent(kb.ArrowRight), chromedp.Click(chromedp.CSS("#right")))
	b.until("saved", `document.getElementById("done").innerText.includes("Saved") && document.getElementById("fix").hidden`)
	b.do("correct again", chromedp.Click(chromedp.CSS("#correct")), chromedp.WaitVisible(chromedp.CSS("#box")), chromedp.Click(chromedp.CSS("#nowhere")))
	b.until("saved, too", `document.getElementById("done").innerText.includes("not there")`)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept) != 2 || p.kept[0].Phrase != "the red square" || p.kept[0].Box == nil || p.kept[1].Box != nil {
		b.t.Fatalf("kept %+v", p.kept)
	}
	got, want := *p.kept[0].Box, model.Box{X1: 83, Y1: 60, X2: 163, Y2: 180} // a hundredth of the width to the right
	if got.IoU(want) < 0.95 {
		b.t.Errorf("the box kept is %+v, want %+v", got, want)
	}
}

// talk holds the button while the browser's own stand-in for a microphone beeps.
func (b tab) talk(p *program) {
	b.t.Helper()
	r := eval[[2]float64](b, `(() => { scrollTo(0, 0); const r = document.getElementById("talk").getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`)
	b.do("hold", chromedp.MouseEvent(chromedp.MousePressed, r[0], r[1], chromedp.ButtonLeft))
	b.until("two seconds of sound", `document.getElementById("talk").ariaPressed === "true" && parseInt(document.getElementById("talk").innerText.match(/\d+/)) >= 2`)
	b.shot("talking")
	b.do("let go", chromedp.MouseEvent(chromedp.MouseReleased, r[0], r[1], chromedp.ButtonLeft))
	b.until("what was said", `document.getElementById("phrase").value === "the green disc" && document.querySelector("#targets li")?.innerText.includes("the green disc")`)
	p.voice.mu.Lock()
	wav := p.voice.wav
	p.voice.mu.Unlock()
	if rate := binary.LittleEndian.Uint32(wav[24:]); rate != 16000 || len(wav) < 44+2*2*16000 || bytes.Equal(wav[44:], make([]byte, len(wav)-44)) {
		b.t.Errorf("%d bytes at %d a second were heard, or all was silent", len(wav), rate)
	}
}

// speaks opens the microphone until what it hears is looked for.
func (b tab) speaks(p *program) {
	b.t.Helper()
	if err := p.ask([]string{"the red square"}); err != nil {
		b.t.Fatal(err)
	}
	b.until("the phrase before", `document.querySelector("#targets li")?.innerText.includes("the red square")`)
	b.do("open the microphone", chromedp.Click(chromedp.CSS("#mic")))
	b.until("an open microphone", `document.getElementById("mic").ariaPressed === "true"`)
	b.until("what was said", `document.querySelector("#targets li[data-state=locked]")?.innerText.includes("the green disc") && document.getElementById("heard").innerText.includes("Show me the green disc.")`)
	b.shot("microphone")
	b.do("close the microphone", chromedp.Click(chromedp.CSS("#mic")))
	b.until("a closed microphone", `document.getElementById("mic").ariaPressed === "false"`)
	until(b.t, "a free seat", func() bool { p.voice.mu.Lock(); defer p.voice.mu.Unlock(); return !p.voice.taken })
}

// failing sees an output that fails until it shows a frame again, and one that
// has ended.
func (b tab) failing(p *program) {
	b.t.Helper()
	const list = `document.getElementById("outputs")`
	b.until("no word of outputs that do well", list+`.hidden`)
	p.setOutputs(pipeline.OutputStats{Name: "speech", Shown: 5, Errors: 2, Err: "no ear"})
	b.until("an output that fails", `!`+list+`.hidden && `+list+`.innerText.includes("“speech” fails: no ear")`)
	p.setOutputs(pipeline.OutputStats{Name: "speech", Shown: 6, Errors: 2, Err: "no ear"})
	b.until("an output that shows again", list+`.hidden`)
	p.setOutputs(pipeline.OutputStats{Name: "recording", Errors: 1, Err: "record \"out/a-very-long-name-of-a-recording.mp4\": disk full", Ended: true})
	b.until("an output that has ended", list+`.innerText.includes("“recording” has ended: record")`)
}

// looks checks widths and colours.
func (b tab) looks() {
	b.t.Helper()
	const back = `getComputedStyle(document.body).backgroundColor`
	light := eval[string](b, back)
	b.do("dark", chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
		return err
	}))
	dark := eval[string](b, back)
	b.shot("dark")
	if light == dark {
		b.t.Errorf("light and dark are both %s", light)
	}
	for _, width := range []int64{390, 320} {
		b.do("phone", chromedp.EmulateViewport(width, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile))
		b.until("the width", fmt.Sprintf(`document.documentElement.clientWidth === %d`, width))
		wide := eval[int64](b, `document.documentElement.scrollWidth`)
		b.shot(fmt.Sprintf("phone-%d", width))
		if wide > width {
			b.t.Errorf("at a width of %d the page is %d wide", width, wide)
		}
	}
	small := eval[string](b, `[...document.querySelectorAll("button, .button")].filter((e) => e.offsetParent && e.offsetHeight < 31).map((e) => e.innerText).join()`)
	if strings.TrimSpace(small) != "" {
		b.t.Errorf("too small for a finger: %s", small)
	}
}
