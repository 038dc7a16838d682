package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline"
	"deixis/pipeline/event"
	"deixis/pipeline/line"
	"deixis/pipeline/listen/mic"
	"deixis/pipeline/outfile"
	"deixis/pipeline/window"
)

// noDesktop keeps windows away, whatever machine the test runs on.
func noDesktop(t *testing.T) {
	t.Helper()
	for _, env := range []string{"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"} {
		t.Setenv(env, "")
	}
}

// countFrames reads a video to its end.
func countFrames(t *testing.T, path string) (n int, i opencv.Info) {
	t.Helper()
	ref, err := camera.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := opencv.Open(t.Context(), ref, opencv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var f camera.Frame
	for err = s.Next(t.Context(), &f); err == nil; err = s.Next(t.Context(), &f) {
		n++
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	return n, s.Info()
}

// eventsOf reads events, one a line.
func eventsOf(t *testing.T, lines string) []event.Event {
	t.Helper()
	var es []event.Event
	for line := range strings.Lines(lines) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		es = append(es, e)
	}
	return es
}

func TestLiveErrors(t *testing.T) {
	noDesktop(t)
	b := network(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	text := written(t, "clip.mp4", "this is no video")
	const short = "pattern://64x48?frames=2"
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such file":       {[]string{"gone.mp4"}, app.ExitInput, "gone.mp4"},
		"no video":           {[]string{text}, app.ExitInput, "clip.mp4"},
		"no such scheme":     {[]string{"gopher://x"}, app.ExitUsage, "gopher"},
		"empty source":       {[]string{""}, app.ExitUsage, "empty"},
		"bad size":           {[]string{short, "--size", "wide"}, app.ExitUsage, "1280x720"},
		"bad pixel format":   {[]string{short, "--pixel-format", "jpeg2"}, app.ExitUsage, "MJPG"},
		"bad lock":           {[]string{short, "--lock-score", "7"}, app.ExitUsage, "0 to 1"},
		"empty phrase":       {[]string{short, "--phrase", " "}, app.ExitUsage, "empty"},
		"too many phrases":   {append([]string{short}, strings.Split(strings.Repeat("-p x ", 99)+"-px", " ")...), app.ExitUsage, "100"},
		"both ways":          {[]string{short, "--window", "--headless"}, app.ExitUsage, "--window"},
		"no desktop":         {[]string{short, "--window"}, app.ExitFailed, "--http"},
		"address in use":     {[]string{short, "--http", taken.Addr().String()}, app.ExitFailed, "--http"},
		"record to a gif":    {[]string{short, "--record", "a.gif"}, app.ExitFailed, ".mp4"},
		"record to nowhere":  {[]string{short, "--record", filepath.Join("no", "such", "a.mp4")}, app.ExitFailed, "a.mp4"},
		"record over source": {[]string{text, "--record", text}, app.ExitUsage, "source itself"},
		"events to nowhere":  {[]string{short, "--events", filepath.Join("no", "such", "e.jsonl")}, app.ExitFailed, "e.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := deixis(t, append([]string{"live", "--log-level", "error", "--bundle", b.Dir}, tt.args...)...)
			if code != tt.code || out != "" || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 {
				t.Errorf("code %d, stdout %q, stderr %q; want %d and one line that says %q", code, out, errs, tt.code, tt.says)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	file, webcam := camera.Ref{Kind: camera.File}, camera.Ref{Kind: camera.Device}
	folder := camera.Ref{Kind: camera.Images}
	for name, tt := range map[string]struct {
		flags   liveCmd
		ref     camera.Ref
		desktop bool
		want    plan
	}{
		"a file nobody looks at":        {liveCmd{}, file, false, plan{events: "-", toOutput: true, everyFrame: true}},
		"a file on the page":            {liveCmd{HTTP: "x"}, file, false, plan{page: true, paced: true}},
		"a file in a window":            {liveCmd{}, file, true, plan{window: true, draw: true, paced: true}},
		"a file, headless":              {liveCmd{Headless: true}, file, true, plan{events: "-", toOutput: true, everyFrame: true}},
		"a file with events, looked at": {liveCmd{Events: "-", HTTP: "x"}, file, false, plan{page: true, events: "-", everyFrame: true, paced: true}},
		"a file recorded on the page":   {liveCmd{Record: "a.mp4", HTTP: "x"}, file, false, plan{page: true, record: "a.mp4", everyFrame: true, draw: true, paced: true}},
		"a file recorded":               {liveCmd{Record: "a.mp4"}, file, false, plan{record: "a.mp4", everyFrame: true, draw: true}},
		"a camera with events":          {liveCmd{Events: "e"}, webcam, false, plan{events: "e", drain: true}},
		"a camera nobody looks at":      {liveCmd{}, webcam, false, plan{events: "-", toOutput: true, drain: true}},
		"a camera in a window":          {liveCmd{Carry: true}, webcam, true, plan{window: true, draw: true, drain: true, carry: true}},
		"a window is a must":            {liveCmd{Window: true}, webcam, false, plan{window: true, draw: true, drain: true}},
		"pictures that are looked at":   {liveCmd{HTTP: "x"}, folder, false, plan{page: true, paced: true, repeatLast: true}},
		"a file for a robot":            {liveCmd{Robot: robotArgs{UDP: []string{"x"}}}, file, false, plan{robot: true, paced: true}},
		"pictures for a robot":          {liveCmd{Robot: robotArgs{Audit: "d"}}, folder, false, plan{robot: true, paced: true}},
		"a camera for a robot":          {liveCmd{Robot: robotArgs{MQTT: mqttArgs{URL: "x"}}}, webcam, false, plan{robot: true, drain: true}},
		"pictures that are kept":        {liveCmd{HTTP: "x", Events: "e"}, folder, false, plan{page: true, events: "e", everyFrame: true, paced: true}},
	} {
		if got := planOf(&tt.flags, tt.ref, tt.desktop); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestNoWindow(t *testing.T) {
	noDesktop(t)
	if window.Available() == nil {
		t.Skip("a window needs no DISPLAY here")
	}
	for name, tt := range map[string]struct {
		flags liveCmd
		lines int
		fails bool
	}{
		"nothing said": {liveCmd{}, 1, false},
		"with a page":  {liveCmd{HTTP: "127.0.0.1:7420"}, 1, false},
		"headless":     {liveCmd{Headless: true}, 0, false},
		"asked for":    {liveCmd{Window: true}, 0, true},
	} {
		var log bytes.Buffer
		var c line.Config
		s := &show{flags: &tt.flags, g: &app.Globals{Log: slog.New(slog.NewTextHandler(&log, nil))}, plan: planOf(&tt.flags, camera.Ref{}, false)}
		err := s.openWindow(&c)
		if c.Window != nil || (err != nil) != tt.fails || strings.Count(log.String(), "\n") != tt.lines {
			t.Errorf("%s: %v, %v, log %q", name, c.Window, err, &log)
		}
	}
}

func TestLiveKeepsEveryFrame(t *testing.T) {
	noDesktop(t)
	b := network(t)
	dir := t.TempDir()
	video, events := filepath.Join(dir, "a.mp4"), filepath.Join(dir, "e.jsonl")
	must(t, "live", "pattern://128x96@20?frames=7", "-p", "red square", "-p", "a, dog", "--headless",
		"--record", video, "--events", events, "--bundle", b.Dir, "--log-level", "error")
	if n, i := countFrames(t, video); n != 7 || i.FPS != 20 || i.Width != 128 {
		t.Errorf("%d frames, %+v", n, i)
	}
	lines, err := os.ReadFile(events)
	if err != nil {
		t.Fatal(err)
	}
	es := eventsOf(t, string(lines))
	if len(es) != 14 {
		t.Fatalf("%d events, want 14", len(es))
	}
	for i, e := range es {
		phrase := []string{"red square", "a, dog"}[i%2]
		if e.V != 1 || e.Seq != uint64(i/2+1) || e.Phrase != phrase || e.State == "searching" || e.Size != [2]int{128, 96} {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	wantKeys(t, strings.SplitN(string(lines), "\n", 2)[0], "v", "source", "boot", "seq", "t", "pts", "size", "phrase", "state", "box", "score", "margin", "age_ms", "track")
}

func TestLiveWithoutAnySinkPrintsEvents(t *testing.T) {
	noDesktop(t)
	b := network(t)
	out := must(t, "live", "pattern://64x48?frames=3", "-p", "cup", "--bundle", b.Dir, "--log-level", "error")
	if es := eventsOf(t, out); len(es) != 3 || es[2].Seq != 3 {
		t.Errorf("events are %+v", es)
	}
}

// start runs live in the background, with standard input and output at hand.
func start(t *testing.T, args ...string) (typed io.Writer, events *bufio.Scanner, end func() int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	in, keyboard := io.Pipe()
	out, to := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"live", "--log-level", "error"}, args...), in, to, os.Stderr)
		to.Close()
	}()
	return keyboard, bufio.NewScanner(out), func() int {
		stop()
		go io.Copy(io.Discard, out)
		got := <-code
		keyboard.Close()
		return got
	}
}

func TestLiveTakesTypedPhrases(t *testing.T) {
	noDesktop(t)
	b := network(t)
	typed, events, end := start(t, "pattern://64x48@20", "-p", "first", "--headless", "--events", "-", "--bundle", b.Dir)
	seen := func(phrases ...string) bool {
		var got []string
		for len(got) < 1000 && events.Scan() {
			got = append(got, eventsOf(t, events.Text())[0].Phrase)
			if slices.Equal(got[max(0, len(got)-len(phrases)):], phrases) {
				return true
			}
		}
		return false
	}
	if !seen("first") {
		t.Error("the phrase of the command line is not looked for")
	}
	fmt.Fprintln(typed, "\n ; \na dog; a cup ")
	if !seen("a dog", "a cup") {
		t.Error("typed phrases are not looked for")
	}
	fmt.Fprintln(typed, strings.Repeat("too long ", 500))
	fmt.Fprintln(typed, strings.Repeat("far too long ", 20_000))
	fmt.Fprintln(typed, "the last")
	if !seen("the last") {
		t.Error("after a phrase that was refused the next is not taken")
	}
	if code := end(); code != app.ExitOK {
		t.Errorf("an interrupt ends with code %d", code)
	}
}

func TestLiveInterruptFinishesFiles(t *testing.T) {
	noDesktop(t)
	b := network(t)
	video := filepath.Join(t.TempDir(), "a.mp4")
	_, events, end := start(t, "pattern://64x48@20", "-p", "cup", "--headless", "--events", "-", "--record", video, "--bundle", b.Dir)
	for left := 20; left > 0; { // frames after the encoder's first
		if !events.Scan() {
			t.Fatal("no events")
		}
		if recorded(video) {
			left--
		}
	}
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
	if n, _ := countFrames(t, video); n < 5 {
		t.Errorf("the recording holds %d frames", n)
	}
}

// recorded says whether something of a video is written.
func recorded(video string) bool {
	info, err := os.Stat(outfile.PartOf(video))
	return err == nil && info.Size() > 0
}

func TestLivePage(t *testing.T) {
	noDesktop(t)
	b := network(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	file := picture(t) // one picture stays on the page until the end
	_, _, end := start(t, file, "-p", "cup", "--http", addr, "--corrections", filepath.Join(t.TempDir(), "c"), "--bundle", b.Dir)
	defer http.DefaultClient.CloseIdleConnections()
	var code int
	for range 1200 { // two minutes: reading the network takes seconds where much else runs
		time.Sleep(100 * time.Millisecond)
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if code = resp.StatusCode; code == http.StatusOK {
			break
		}
	}
	if code != http.StatusOK {
		t.Fatalf("the page is not ready: %d", code)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+addr+"/api/phrases", strings.NewReader(`{"phrases": ["a dog"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(body), `["a dog"]`) {
		t.Errorf("PUT /api/phrases: %s, %v", body, err)
	}
	if code := end(); code != app.ExitOK {
		t.Errorf("code %d", code)
	}
}

func TestDevices(t *testing.T) {
	out := must(t, "devices", "--json")
	var ds []opencv.Device
	if err := json.Unmarshal([]byte(out), &ds); err != nil || ds == nil {
		t.Errorf("devices --json prints %q: %v", out, err)
	}
	if out := must(t, "devices"); strings.Count(out, "\n") < 2 || !strings.Contains(strings.ToLower(out), "microphone") {
		t.Errorf("devices prints %q, without cameras or microphones", out)
	}
	out = must(t, "devices", "--microphones", "--json")
	var ms []mic.Device
	if err := json.Unmarshal([]byte(out), &ms); err != nil || ms == nil {
		t.Errorf("devices --microphones --json prints %q: %v", out, err)
	}
	for want, m := range map[string]opencv.Mode{
		"MJPG 1280x720 at 30 15":  {Format: "MJPG", Width: 1280, Height: 720, FPS: []float64{30, 15}},
		"NV12 32x32 to 1920x1080": {Format: "NV12", Width: 1920, Height: 1080, Smallest: &[2]int{32, 32}},
		"YUYV 640x480 at 29.97":   {Format: "YUYV", Width: 640, Height: 480, FPS: []float64{29.97}},
	} {
		if got := modeLine(m); got != want {
			t.Errorf("mode %q, want %q", got, want)
		}
	}
}

func TestPhrasesOfTheCommandLine(t *testing.T) {
	for _, tt := range []struct{ given, want []string }{
		{[]string{"the cup; the dog", "a cat"}, []string{"the cup", "the dog", "a cat"}},
		{[]string{"the cup;"}, []string{"the cup"}},
		{[]string{" ; "}, []string{""}},
		{[]string{""}, []string{""}},
		{nil, nil},
	} {
		if got := pipeline.SplitAll(tt.given); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.given, got, tt.want)
		}
	}
}
