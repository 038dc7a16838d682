package main

import (
	"context"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
)

// progressEvery is the time between two lines where there is no terminal.
const progressEvery = 5 * time.Second

// progress is a sink that tells how far an input is: a bar on a terminal, a
// line now and then elsewhere.
type progress struct {
	g    *app.Globals
	what string
	all  int // frames; 0 unknown
	bar  *progressbar.ProgressBar

	done        int
	start, told time.Time
}

func newProgress(g *app.Globals, what string, all int) *progress {
	p := &progress{g: g, what: what, all: all, start: time.Now(), told: time.Now()}
	if f, ok := g.Stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if all == 0 {
			all = -1 // a bar without an end
		}
		p.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("frames"),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(24))
	}
	return p
}

// Show counts one frame.
func (p *progress) Show(context.Context, *camera.Frame, []pipeline.View) error {
	p.done++
	if p.bar != nil {
		if p.all > 0 && p.done > p.all { // the file promised fewer
			p.all = p.done
			p.bar.ChangeMax(p.all)
		}
		return p.bar.Set(p.done)
	}
	if now := time.Now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		p.g.Log.Info("annotating", "input", p.what, "frames", p.done, "of", p.all, "fps", p.rate())
	}
	return nil
}

// rate is frames a second so far.
func (p *progress) rate() float64 {
	return model.Round(float64(p.done)/max(time.Since(p.start).Seconds(), 1e-9), 1)
}

// end closes the bar; good says that the input was read to its end.
func (p *progress) end(good bool) {
	if p.bar != nil {
		if good {
			p.bar.Finish()
		}
		p.bar.Exit()
		p.g.Stderr.Write([]byte("\n"))
	}
	if good {
		p.g.Log.Info("annotated", "input", p.what, "frames", p.done, "fps", p.rate())
	}
}
