package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"deixis/cmd/deixis/internal/app"
	"deixis/model/refs"
)

// A tab is one of a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// openTab opens a file in Chromium, whose downloads go into a folder.
func openTab(t *testing.T, file, downloads string) *tab {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine (install it to test the page)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute), chromedp.WindowSize(1200, 900))
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	p := &tab{t, ctx}
	t.Cleanup(func() { chromedp.Cancel(ctx) })
	p.do(chromedp.Navigate("file://" + file))
	p.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: "allow", DownloadPath: downloads})
		return err
	}))
	return p
}

func (p *tab) do(a chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, a); err != nil {
		p.t.Fatal(err)
	}
}

// says is the value of an expression, as JSON.
func (p *tab) says(expression string) string {
	p.t.Helper()
	said, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
	if err != nil {
		p.t.Fatal(err)
	}
	return said
}

// TestReview judges three tracks on the page, one of them by drawing a box; the trainer
// reads what was downloaded, and the next run honours it.
func TestReview(t *testing.T) {
	noDesktop(t)
	b := network(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	args := []string{
		"annotate", "../../assets/demo.mp4", "-p", "person in the red jacket; woman with a white bag; leftmost person", "--format", "jsonl", "--every", "2",
		"--out", out, "--review", filepath.Join(dir, "review.html"), "--bundle", b.Dir, "--log-level", "error",
	}
	must(t, args...)
	page := openTab(t, filepath.Join(dir, "review.html"), dir)
	var cards []struct {
		Phrase     string
		Start, End float64
		Stills     []struct {
			Frame         int
			Width, Height float64
		}
	}
	if err := json.Unmarshal([]byte(page.says("cards.map(c => ({...c, stills: c.stills.map(s => ({...s, src: 0}))}))")), &cards); err != nil || len(cards) < 3 {
		t.Fatalf("%d tracks to judge, %v", len(cards), err)
	}
	page.do(chromedp.KeyEvent("a"))
	page.do(chromedp.KeyEvent("w"))
	page.do(chromedp.KeyEvent("1"))
	var at [4]float64 // of the picture chosen
	if err := json.Unmarshal([]byte(page.says(`(r => [r.x, r.y, r.width, r.height])(document.querySelector("figure[aria-current=true] .frame").getBoundingClientRect())`)), &at); err != nil {
		t.Fatal(err)
	}
	place := func(x, y float64) (float64, float64) { return at[0] + x*at[2], at[1] + y*at[3] }
	x, y := place(0.25, 0.25)
	page.do(chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft))
	x, y = place(0.5, 0.75)
	page.do(chromedp.MouseEvent(chromedp.MouseMoved, x, y, chromedp.ButtonLeft))
	page.do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft))
	if said := page.says(`document.getElementById("count").textContent`); !strings.Contains(said, fmt.Sprintf("3 of %d judged", len(cards))) {
		t.Errorf("the page says %s", said)
	}
	if dir := os.Getenv("DEIXIS_SCREENSHOTS"); dir != "" {
		png, err := chromedp.Run(page.ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "review.png"), png, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
	page.do(chromedp.KeyEvent("x"))
	file := filepath.Join(dir, "refs.jsonl")
	for range 1200 { // Chromium gives the file its name when it is whole
		if _, err := os.Stat(file); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	judged, err := refs.ReadFile(file, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var drawn *refs.Ref
	for i := range judged {
		if r := &judged[i]; string(r.Extra["mark"]) == `"box"` {
			drawn = r
		}
	}
	first, third := cards[0].Stills, cards[2].Stills[0]
	if len(judged) != len(first)+len(cards[1].Stills)+1 || drawn == nil || drawn.Phrase != cards[2].Phrase {
		t.Fatalf("%d lines, %+v", len(judged), drawn)
	}
	near := func(got float32, share, side float64) bool { // the mouse stands on whole pixels of a picture that is smaller
		return got > float32(share*side-side/100) && got < float32(share*side+side/100)
	}
	if d := drawn.Box; !near(d.X1, 0.25, third.Width) || !near(d.Y1, 0.25, third.Height) || !near(d.X2, 0.5, third.Width) || !near(d.Y2, 0.75, third.Height) {
		t.Errorf("the box that was drawn is %+v of %vx%v", d, third.Width, third.Height)
	}
	t.Run("the trainer reads it", func(t *testing.T) {
		ca2m := "../../.venv/bin/python"
		if _, err := os.Stat(ca2m); err != nil {
			t.Skip(err)
		}
		cmd := exec.CommandContext(t.Context(), ca2m, "-m", "ca2m.cli", "refs", file, "--check")
		cmd.Env = append(os.Environ(), "PYTHONPATH=../../trainer")
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	})
	if code, _, errs := deixis(t, append(args, "--fixes", file)...); code != app.ExitUsage || !strings.Contains(errs, "fixes") {
		t.Errorf("mixed with the results before: code %d, %s", code, errs)
	}
	// Answers were kept: a network that cannot be asked is not needed, but for its rules.
	must(t, append(args, "--fixes", file, "--over")...)
	onDrawn := 0
	for _, e := range eventsOf(t, read(t, filepath.Join(out, "demo.jsonl"))) {
		frame := int(e.Seq) - 1
		if e.Phrase == cards[1].Phrase && e.Box != nil && e.PTS >= cards[1].Start && e.PTS < cards[1].End {
			t.Errorf("frame %d: %q has a box, and was said to be wrong", frame, e.Phrase)
		}
		if e.Phrase == cards[2].Phrase && frame == third.Frame && e.Box != nil && near(float32(e.Box[0]), 0.25, third.Width) && near(float32(e.Box[3]), 0.75, third.Height) {
			onDrawn++
		}
	}
	if onDrawn != 1 {
		t.Error("the box that was drawn is not in the results")
	}
}

func TestFixesErrors(t *testing.T) {
	b := network(t)
	for name, tt := range map[string]struct{ holds, says string }{
		"no judgement": {`{"image": "a.jpg", "phrase": "x", "box": null}` + "\n", "no judgements"},
		"no line":      {"hello\n", "line 1"},
		"wrong frame":  {`{"image": "a.jpg", "phrase": "x", "box": null, "file": "a", "frame": "two"}` + "\n", "frame"},
	} {
		file := written(t, "fixes.jsonl", tt.holds)
		code, _, errs := deixis(t, "annotate", "pattern://64x48?frames=1", "-p", "x", "--out", t.TempDir(), "--fixes", file, "--bundle", b.Dir, "--log-level", "error")
		if code != app.ExitInput || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
	}
	code, _, errs := deixis(t, "annotate", "pattern://64x48?frames=1", "-p", "x", "--out", t.TempDir(), "--fixes", "gone.jsonl", "--bundle", b.Dir)
	if code != app.ExitInput || !strings.Contains(errs, "gone.jsonl") {
		t.Errorf("code %d, %s", code, errs)
	}
}
