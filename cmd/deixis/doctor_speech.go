package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline/listen"
	"deixis/pipeline/listen/mic"
)

// checkMicrophones lists them; a machine without one is not ill.
func checkMicrophones() check {
	ds, err := mic.Devices()
	if len(ds) == 0 {
		return ok("microphones", noMicrophone(err))
	}
	var names []string
	for _, d := range ds {
		if d.Default {
			d.Name += " (default)"
		}
		names = append(names, d.Name)
	}
	return ok("microphones", strings.Join(names, ", "))
}

// checkSpeech lets the models hear a second of nothing. Without them all else
// works.
func checkSpeech(ctx context.Context, g *app.Globals) check {
	hears, err := g.OpenEars(ctx, app.EarFlags{SpeechThreads: 1})
	if errors.Is(err, model.ErrSpeech) && app.FindSpeech() == "" {
		return ok("speech", "no models to hear with; `make speech` fetches them")
	}
	if err != nil {
		return warn("speech", oneLine(err), "run `make speech` again")
	}
	t, err := hears.By.Transcribe(ctx, make([]float32, listen.Rate))
	if err = errors.Join(err, hears.Close()); err != nil {
		return warn("speech", oneLine(err), "run `make speech` again")
	}
	return ok("speech", fmt.Sprintf("%s (%s) in %s, a second of sound is written down in %d ms",
		hears.About.Name, hears.About.Language, filepath.Clean(hears.About.Dir), t.Took.Round(time.Millisecond).Milliseconds()))
}
