package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deixis/cmd/deixis/internal/app"
)

var starts = flag.Int("starts", 4, "how often TestStartsAndStops starts live")

// TestStartsAndStops interrupts live at every stage of its life, while others use its
// page and send it sound: it ends in good order, with its outputs whole or named as
// parts, and leaves no goroutine, file or process.
func TestStartsAndStops(t *testing.T) {
	noDesktop(t)
	b := network(t)
	clip := filepath.Join(t.TempDir(), "clip.mp4")
	must(t, "live", "pattern://160x120@25?frames=60", "--headless", "--record", clip, "--bundle", b.Dir, "--log-level", "error")
	sound := wavOf(make([]float32, 29*16000))
	before := goleak.IgnoreCurrent()
	var held footprint
	for n := range *starts {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		source := []string{clip, "pattern://160x120@25"}[n%2]
		stage := []string{"at once", "network", "page", "events", "load"}[rng.IntN(5)]
		if n == 0 {
			stage = "load" // what a library keeps for good is there after that
		}
		dir := t.TempDir()
		startAndStop(t, b.Dir, source, dir, stage, time.Duration(rng.IntN(300))*time.Millisecond, sound)
		http.DefaultClient.CloseIdleConnections()
		var err error
		for over := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) { // a child that was ended takes a moment
			err = goleak.Find(before)
			now := footprintNow()
			if n == 0 {
				held = now
			}
			if err == nil && (now.files > held.files || now.children > held.children) {
				err = fmt.Errorf("%d files and %d processes are left, %d and %d were there", now.files, now.children, held.files, held.children)
			}
			if err == nil || time.Now().After(over) {
				break
			}
		}
		if err != nil {
			t.Fatalf("start %d, stopped at %q: %v", n, stage, err)
		}
	}
}

// startAndStop runs live until some time after a stage.
func startAndStop(t *testing.T, bundle, source, dir, stage string, later time.Duration, sound []byte) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	args := []string{"live", source, "-p", "cup", "--headless", "--http", addr, "--corrections=", "--events", filepath.Join(dir, "e.jsonl"),
		"--record", filepath.Join(dir, "r.mp4"), "--bundle", bundle, "--log-level", "info"}
	speech := speechDir(t) != ""
	if speech {
		silence := filepath.Join(dir, "silence.wav")
		if err := os.WriteFile(silence, wavOf(make([]float32, 60*16000)), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--listen", "wake", "--listen-file", silence)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said := &until{word: map[string]string{"network": "msg=network", "page": "msg=page"}[stage], stop: func() {}}
	reached := make(chan struct{})
	if said.word != "" {
		said.stop = sync.OnceFunc(func() { close(reached) })
	}
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, strings.NewReader(""), io.Discard, said) }()
	var load sync.WaitGroup
	use := func(method, path, kind string, body []byte) {
		load.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", kind)
				if resp, err := http.DefaultClient.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
		})
	}
	ready := func() bool { // whether live has come so far
		switch stage {
		case "at once":
			return true
		case "network", "page":
			select {
			case <-reached:
				return true
			default:
				return false
			}
		}
		is, err := os.Stat(filepath.Join(dir, "e.jsonl"))
		return err == nil && is.Size() > 0
	}
	for ended := false; !ended && !ready(); {
		select {
		case c := <-code:
			code <- c
			ended = true // a clip may be over
		case <-time.After(time.Millisecond):
		}
	}
	if stage == "load" {
		use(http.MethodPut, "/api/phrases", "application/json", []byte(`{"phrases": ["a dog", "the red square"]}`))
		use(http.MethodGet, "/api/stream.mjpeg", "", nil)
		use(http.MethodGet, "/api/events", "", nil)
		use(http.MethodGet, "/metrics", "", nil)
		if speech {
			use(http.MethodPost, "/api/speech", "audio/wav", sound)
			use(http.MethodPost, "/api/speech", "audio/wav", sound)
		}
	}
	select { // somewhere in what comes after the stage
	case <-time.After(later):
	case c := <-code:
		code <- c
	}
	stop()
	got := <-code
	load.Wait()
	interrupted := strings.Contains(said.buf.String(), "interrupted")
	if got != app.ExitOK && !(got == app.ExitFailed && interrupted) {
		t.Errorf("stopped at %q: code %d:\n%s", stage, got, &said.buf)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if strings.Contains(f.Name(), ".part") {
			t.Errorf("stopped at %q: %s is left", stage, fmt.Sprint(f.Name()))
		}
	}
}
