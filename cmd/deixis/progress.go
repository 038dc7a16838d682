package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
)

// progressEvery is the time between two lines where there is no terminal.
const progressEvery = 5 * time.Second

// progress tells how far a run over several inputs is: a bar for each that is under way
// and one for all on a terminal, a line now and then elsewhere. Goroutines may share it.
type progress struct {
	g    *app.Globals
	bars *mpb.Progress // nil where there is no terminal
	all  *mpb.Bar      // of inputs
	of   int           // inputs
	term io.Writer     // where bars and lines are drawn

	mu   sync.Mutex
	done int
}

func newProgress(g *app.Globals, inputs int) *progress {
	p := &progress{g: g, of: inputs, term: g.Stderr}
	if f, ok := g.Stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(32))
		g.Stderr = p.bars // lines go above the bars, which would be drawn over them
		g.Log = g.Logger()
		if inputs > 1 {
			p.all = p.bars.AddBar(int64(inputs), mpb.BarPriority(1<<20), mpb.PrependDecorators(decor.Name("all inputs")), mpb.AppendDecorators(decor.CountersNoUnit("%d / %d")))
		}
	}
	return p
}

// close ends all bars.
func (p *progress) close() {
	if p.bars == nil {
		return
	}
	if p.all != nil {
		p.all.Abort(false) // does nothing where all are done
	}
	p.bars.Wait()
	p.g.Stderr = p.term
	p.g.Log = p.g.Logger()
}

// A bar is the progress of one input. It belongs to one goroutine at a time.
type bar struct {
	p        *progress
	what     string
	bar      *mpb.Bar // nil where there is no terminal
	frames   int      // in all; 0 unknown
	done     int
	start    time.Time
	told     time.Time
	answered int     // in this run
	rate     float64 // of answering, frames a second
}

func (p *progress) begin(what string) *bar {
	b := &bar{p: p, what: what, start: time.Now(), told: time.Now()}
	if p.bars != nil {
		b.bar = p.bars.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.what })),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d frames"), decor.Name(" "), decor.AverageSpeed(0, "%.1f/s"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	return b
}

// of says how many frames there are, and how many of them were done before.
func (b *bar) of(frames, done int) {
	b.frames, b.done = max(frames, done), done
	if b.bar != nil {
		b.bar.SetTotal(int64(b.frames), false)
		b.bar.SetCurrent(int64(done))
	}
	if done > 0 {
		b.p.g.Log.Info("going on", "input", b.what, "frame", done+1)
	}
}

// add counts one frame.
func (b *bar) add() {
	b.done++
	b.answered++
	b.rate = model.Round(float64(b.answered)/max(time.Since(b.start).Seconds(), 1e-9), 1)
	if b.bar != nil {
		if b.done > b.frames { // the file promised fewer
			b.frames = b.done
			b.bar.SetTotal(int64(b.frames), false)
		}
		b.bar.Increment()
		return
	}
	if now := time.Now(); now.Sub(b.told) >= progressEvery {
		b.told = now
		fields := []any{"input", b.what, "frames", b.done, "of", b.frames, "fps", b.rate}
		if left := b.frames - b.done; left > 0 {
			took := time.Since(b.start) / time.Duration(b.answered)
			fields = append(fields, "left", (took * time.Duration(left)).Round(time.Second))
		}
		b.p.g.Log.Info("annotating", fields...)
	}
}

// phase says what is done after the last frame was answered.
func (b *bar) phase(what string) { b.p.g.Log.Debug(what, "input", b.what) }

// end closes the bar; good says that the input is done.
func (b *bar) end(good bool) {
	if b.bar != nil {
		b.bar.Abort(true)
		if b.p.all != nil {
			b.p.all.Increment()
		}
	}
	b.p.mu.Lock()
	b.p.done++
	n := b.p.done
	b.p.mu.Unlock()
	if good {
		b.p.g.Log.Info("annotated", "input", b.what, "frames", b.done, "fps", b.rate, "inputs", n, "of", b.p.of)
	}
}
