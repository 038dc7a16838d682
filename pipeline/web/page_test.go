package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"deixis/model"
	"deixis/pipeline/overlay"
)

// axeFile is axe-core, which `make test` fetches.
var axeFile = filepath.Join("..", "..", "bin", "axe", "axe.min.js")

// TestPageExplainsItself opens the page as its owner sees it first, at three widths
// and in both colours, tries what it offers, and has axe-core look at each.
func TestPageExplainsItself(t *testing.T) {
	ctx := browser(t)
	s, p := serve(t, func(o *Options) { o.Draw = (&overlay.Overlay{}).Draw })
	play(t, s, p, "pattern://640x480@10")
	until(t, "a picture", func() bool { w, _ := s.size(); return w > 0 })
	b := tab{t, ctx}

	b.do("no scripts", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.do("open", chromedp.Navigate(s.at("")))
	if r := eval[float64](b, `(() => { const r = document.getElementById("stage").getBoundingClientRect(); return r.width / r.height; })()`); math.Abs(r-4.0/3) > 0.01 {
		t.Errorf("without any script the stage is %.3f times as wide as high, and the picture 4:3", r)
	}
	b.do("scripts", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false}))
	b.do("open again", chromedp.Navigate(s.at("")))
	b.until("an empty state", `!document.getElementById("none").hidden && document.querySelectorAll("#examples button").length === 3`)
	b.until("a picture", `document.getElementById("stage").dataset.state === "live" && document.getElementById("picture").naturalWidth === 640`)
	for _, width := range []int64{1400, 820, 390} {
		b.do("a width", chromedp.EmulateViewport(width, 900))
		b.until("the width", fmt.Sprintf(`document.documentElement.clientWidth === %d`, width))
		for _, theme := range []string{"light", "dark"} {
			b.choose("theme", theme)
			b.accessible(fmt.Sprintf("first-%d-%s", width, theme))
		}
	}
	b.do("a width", chromedp.EmulateViewport(1400, 900))
	b.do("an example", chromedp.Click(chromedp.CSS("#examples button")))
	b.until("it looked for", `document.getElementById("none").hidden && document.querySelector("#targets li")?.innerText.includes("person on the left")`)
	b.words(p)
	b.settings(p)
	b.health()
	b.theme()
	b.thin(s)
	b.finger(p)
}

// command is one of the browser's own.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, to *chromedp.Target) error {
		_, err := cdp.Call(ctx, to, c, params)
		return err
	})
}

// choose takes an option of a list, as a person does.
func (b tab) choose(id, value string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event("change")); return e.value === %[2]q; })()`, id, value))
}

// accessible has axe-core look at the page as it is, with all that can be opened open,
// and saves a picture of it.
func (b tab) accessible(name string) {
	b.t.Helper()
	b.shot(name)
	axe, err := os.ReadFile(axeFile)
	if err != nil {
		b.t.Logf("%v (`make test` fetches axe-core)", err)
		return
	}
	const open = `document.querySelectorAll("details").forEach((d) => { d.open = %v; })`
	eval[any](b, fmt.Sprintf(open, true))
	b.shot(name + "-open")
	defer eval[any](b, fmt.Sprintf(open, false))
	eval[any](b, string(axe)+"\n;0")
	eval[bool](b, `(window.found = null, axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(
	  (r) => { window.found = { passes: r.passes.length, violations: r.violations.map((v) => v.id + " (" + v.help + "): " + v.nodes.map((n) => n.html + " " + n.failureSummary).join(" | ")) }; },
	  (e) => { window.found = { passes: 0, violations: [String(e)] }; }), true)`)
	b.until("what axe-core says", `window.found`)
	var found struct {
		Passes     int
		Violations []string
	}
	if err := json.Unmarshal([]byte(eval[string](b, `JSON.stringify(window.found)`)), &found); err != nil {
		b.t.Fatal(err)
	}
	if len(found.Violations) > 0 || found.Passes < 20 {
		b.t.Errorf("%s: axe-core passes %d rules and finds\n%s", name, found.Passes, strings.Join(found.Violations, "\n"))
	}
}

// words reads the list of keys, and what the states and the score mean.
func (b tab) words(p *program) {
	b.t.Helper()
	if err := p.ask([]string{"the red square"}); err != nil {
		b.t.Fatal(err)
	}
	b.until("a score in words", `document.querySelector("#targets li[data-state=locked] .state")?.innerText.match(/^found · score 90 % · \d+ ms old$/)`)
	eval[any](b, `document.activeElement.blur()`)
	b.do("ask for the keys", chromedp.KeyEvent("?"))
	b.until("the list of keys", `document.getElementById("keys").open && document.getElementById("keys").innerText.includes("snapshot")`)
	b.accessible("keys")
	b.do("leave", chromedp.KeyEvent("p"), chromedp.KeyEvent(kb.Escape)) // p must not pause behind the list
	b.until("no list of keys", `!document.getElementById("keys").open && document.getElementById("pause").innerText === "Pause"`)
	b.do("ask by the button", chromedp.Click(chromedp.CSS("#help")))
	b.until("the list of keys", `document.getElementById("keys").open`)
	b.do("close it", chromedp.Click(chromedp.CSS("#keys button")))
	b.until("no list of keys", `!document.getElementById("keys").open`)
}

// settings changes one that holds at once and one that must be saved, and is refused.
func (b tab) settings(p *program) {
	b.t.Helper()
	b.do("open", chromedp.Click(chromedp.CSS("#settings summary")))
	b.until("a field each", `document.querySelectorAll("#fields input, #fields select").length === 5 && document.getElementById("set-lock-score").value === "0.5"`)
	outcome := `document.getElementById("outcome").innerText`
	b.choose("set-lock-score", "0.25")
	b.do("change", chromedp.Click(chromedp.CSS("#apply")))
	b.until("a change", outcome+` === "Changed: lock score." && document.getElementById("set-lock-score").value === "0.25"`)
	b.choose("set-size", "640x480")
	b.do("change what must be saved", chromedp.Click(chromedp.CSS("#apply")))
	b.until("why not", outcome+`.includes("must be saved") && document.getElementById("outcome").dataset.bad`)
	b.do("save", chromedp.Click(chromedp.CSS("#store")))
	b.until("saved", outcome+` === "From the next start on: size. Saved."`)
	b.choose("set-lock-score", "7")
	b.do("change to what cannot be", chromedp.Click(chromedp.CSS("#apply")))
	if eval[bool](b, `document.getElementById("set-lock-score").validity.valid`) {
		b.t.Error("the page takes a score of 7")
	}
	b.choose("set-lock-score", "0.25")
	b.do("read the file again", chromedp.Click(chromedp.CSS("#reload")))
	b.until("where it is wrong", outcome+`.includes("line 3")`)
	p.setup.mu.Lock()
	defer p.setup.mu.Unlock()
	if p.setup.score != 0.25 || len(p.setup.saved) != 1 || p.setup.saved["size"] != "640x480" {
		b.t.Errorf("the score is %v, saved is %v", p.setup.score, p.setup.saved)
	}
}

// health reads how the run is doing, which goes on while it is read.
func (b tab) health() {
	b.t.Helper()
	b.do("open", chromedp.Click(chromedp.CSS("#health summary")))
	frames := `parseInt(document.getElementById("condition").innerText.match(/(\d+) taken/)?.[1])`
	b.until("how it is doing", `document.getElementById("condition").innerText.includes("cpu 48.5 °C") && document.querySelector("#counts tbody")?.innerText.includes("page") && `+frames+` > 0`)
	before := eval[int64](b, frames)
	b.until("more frames", fmt.Sprintf(`%s > %d`, frames, before))
	b.accessible("settings-health")
}

// theme changes the colours, which last beyond the page.
func (b tab) theme() {
	b.t.Helper()
	const back = `getComputedStyle(document.body).backgroundColor`
	b.choose("theme", "light")
	light := eval[string](b, back)
	b.choose("theme", "dark")
	dark := eval[string](b, back)
	if light == dark {
		b.t.Errorf("light and dark are both %s", light)
	}
	b.do("load again", chromedp.Reload())
	b.until("the same colours", fmt.Sprintf(`%s === %q && document.getElementById("theme").value === "dark"`, back, dark))
	b.choose("theme", "")
	if got := eval[string](b, back); got != light { // what the browser says of its system
		b.t.Errorf("with the system's colours the page is %s, light is %s", got, light)
	}
}

// thin asks for less of the picture, which lasts beyond the page, too.
func (b tab) thin(s *Server) {
	b.t.Helper()
	has := func(want look) func() bool {
		return func() bool {
			s.streams.mu.Lock()
			defer s.streams.mu.Unlock()
			return s.streams.all[want] != nil && len(s.streams.all) == 1
		}
	}
	for value, want := range map[string]string{"quality=30&fps=2": "quality=30&fps=2", "": ""} {
		b.choose("link", value)
		r := request(b.t, s, "GET", "api/stream.mjpeg?"+want, "", nil)
		until(b.t, "the stream as chosen: "+value, has(lookOf(r)))
		b.do("load again", chromedp.Reload())
		b.until("the choice", fmt.Sprintf(`document.getElementById("link").value === %q`, value))
		until(b.t, "the stream as chosen before: "+value, has(lookOf(r)))
	}
}

// finger draws a box by touch; a second finger meanwhile changes nothing.
func (b tab) finger(p *program) {
	b.t.Helper()
	b.do("a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.until("the width", `document.documentElement.clientWidth === 390`)
	b.do("correct", chromedp.Click(chromedp.CSS("#correct")), chromedp.WaitVisible(chromedp.CSS("#box")))
	eval[any](b, `scrollTo(0, 0)`)
	r := eval[[4]float64](b, `(() => { const r = document.getElementById("stage").getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
	first, second := 1.0, 2.0
	at := func(x, y float64, id *float64) *input.TouchPoint {
		return &input.TouchPoint{X: r[0] + x*r[2], Y: r[1] + y*r[3], ID: id}
	}
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) chromedp.Action[chromedp.Void] {
		return command(input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: append([]*input.TouchPoint{}, points...)})
	}
	b.do("draw", touch(input.DispatchTouchEventTypeTouchStart, at(0.2, 0.3, &first)), touch(input.DispatchTouchEventTypeTouchMove, at(0.4, 0.5, &first)),
		touch(input.DispatchTouchEventTypeTouchStart, at(0.4, 0.5, &first), at(0.9, 0.9, &second)), touch(input.DispatchTouchEventTypeTouchMove, at(0.6, 0.7, &first), at(0.8, 0.1, &second)),
		touch(input.DispatchTouchEventTypeTouchEnd))
	b.shot("finger")
	if y := eval[float64](b, `scrollY`); y != 0 {
		b.t.Errorf("drawing scrolled the page by %v", y)
	}
	b.do("save", chromedp.Click(chromedp.CSS("#right")))
	b.until("saved", `document.getElementById("done").innerText.includes("Saved")`)
	p.mu.Lock()
	defer p.mu.Unlock()
	want := model.Box{X1: 0.2 * 640, Y1: 0.3 * 480, X2: 0.6 * 640, Y2: 0.7 * 480}
	// A touch is at a whole pixel of the page, which is 640/390 of the picture's.
	if len(p.kept) != 1 || p.kept[0].Box == nil || p.kept[0].Box.IoU(want) < 0.95 {
		b.t.Errorf("kept %+v, want the box %+v", p.kept, want)
	}
}

// TestNothingFromElsewhere: no file of the page names an address outside, and what is
// served may load nothing from one.
func TestNothingFromElsewhere(t *testing.T) {
	address := regexp.MustCompile(`(?:[Hh][Tt][Tt][Pp][Ss]?:)?//[A-Za-z0-9.-]+\.[A-Za-z]+|@import|\burl\(`)
	err := fs.WalkDir(page, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(page, name)
		text = bytes.ReplaceAll(text, []byte("http://www.w3.org/2000/svg"), nil) // SVG's name, which nothing loads
		if found := address.Find(text); found != nil {
			t.Errorf("%s names %s", name, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := serve(t, nil)
	for _, path := range []string{"", "app.js", "style.css", "shape.css", "api/status"} {
		resp, body := call(t, s, "GET", path, "", nil)
		csp := strings.Split(resp.Header.Get("Content-Security-Policy"), "; ")
		if resp.StatusCode != 200 || body == "" || !slices.Contains(csp, "default-src 'self'") || strings.Contains(strings.Join(csp, ""), "unsafe") {
			t.Errorf("%q: %d with the policy %q", path, resp.StatusCode, csp)
		}
	}
}

// TestShape: the style sheet has the shape of what comes, or will come.
func TestShape(t *testing.T) {
	s, _ := serve(t, nil)
	for name, tt := range map[string]struct {
		about func() About
		want  string
	}{
		"unknown":    {nil, "1.7778"},
		"as asked":   {func() About { return About{Got: Mode{Width: 800, Height: 600}} }, "1.3333"},
		"not a size": {func() About { return About{Got: Mode{Width: 800}} }, "1.7778"},
	} {
		t.Run(name, func(t *testing.T) {
			s.o.About = tt.about
			if _, body := call(t, s, "GET", "shape.css", "", nil); !strings.Contains(body, tt.want) {
				t.Errorf("%q, want %s", body, tt.want)
			}
		})
	}
	frames(t, s, 1) // 16 by 8
	if _, body := call(t, s, "GET", "shape.css", "", nil); !strings.Contains(body, "2.0000") {
		t.Errorf("with a picture: %q", body)
	}
}
