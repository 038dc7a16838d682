package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"deixis/cmd/deixis/internal/app"
)

// TestPageListens opens the page in a browser whose microphone plays a phrase,
// and waits for its box.
func TestPageListens(t *testing.T) {
	noDesktop(t)
	b := network(t)
	hears(t)
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine (install it to test the page)")
	}
	wav := filepath.Join(t.TempDir(), "microphone.wav") // the browser plays it again and again
	if err := os.WriteFile(wav, wavOf(inSilence(t, spoken(t, "Point at the red square."))), 0o644); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, _, end := start(t, "pattern://640x360@10", "--http", addr, "--listen", "always", "--bundle", b.Dir)
	defer func() {
		http.DefaultClient.CloseIdleConnections()
		if code := end(); code != app.ExitOK {
			t.Errorf("code %d", code)
		}
	}()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(time.Minute), chromedp.WindowSize(1360, 860),
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-audio-capture", wav))
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	defer chromedp.Cancel(ctx)
	until := func(what, condition string) {
		t.Helper()
		for range 1200 {
			yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
			if err == nil && yes {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("never %s; the page says\n%s", what, text)
	}
	reachable(t, addr)
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+addr+"/")); err != nil {
		t.Fatal(err)
	}
	until("a button for the microphone", `document.getElementById("mic") && !document.getElementById("mic").hidden`)
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#mic"))); err != nil {
		t.Fatal(err)
	}
	until("what was said", `document.getElementById("heard").innerText.includes("looking for")`)
	until("its box", `document.querySelector("#targets li")?.innerText.includes("square") && document.querySelector("#targets li[data-state=locked], #targets li[data-state=unsure]")`)
	if dir := os.Getenv("DEIXIS_SCREENSHOTS"); dir != "" {
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "spoken.png"), png, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// reachable waits until the page is served.
func reachable(t *testing.T, addr string) {
	t.Helper()
	for range 1200 {
		resp, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the page is never served")
}
