// Package line is the line from a source of frames to what shows them: the live
// loop, in which the newest frame wins, and the recording loop, which drops nothing.
package line

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/track"
)

// DefaultParallel is how many frames of a recording are answered at once: what one
// leaves of the cores while its threads wait for each other, the other takes.
const DefaultParallel = 2

// Config is what a Line joins and how. Only From and By are needed.
type Config struct {
	From    pipeline.Source
	By      pipeline.Grounder
	Window  pipeline.Sink // shown on the goroutine that called Live or Recording; never skipped
	Outputs []pipeline.Output
	Draw    func(f *camera.Frame, views []pipeline.View) // paints the views on frames for Window and outputs that are Drawn; nil leaves them as they are

	// Of a recording, Answered takes what was answered on each frame, in the place of the
	// lock: outputs get frames without views. It must not keep the frame; its error ends
	// the line. nil: the lock judges.
	Answered func(f *camera.Frame, answers []model.Answer) error
	// Of a recording, Ask says which frames are answered; nil: all. It is asked in their order.
	Ask func(f *camera.Frame) bool

	Rules     track.Rules  // of the lock; zero means track.DefaultRules
	Unrelated bool         // pictures of different things: each is answered for itself, by camera.Frame.File
	NoCarry   bool         // between two answers a box stays where it is, instead of being moved by optical flow
	Parallel  int          // frames of a recording answered at once; 0 means DefaultParallel
	Prepare   bool         // live, every frame is prepared as it comes, where By can: pays where the network leaves the CPU free
	Log       *slog.Logger // nil means slog.Default()
}

// A Line is made by New and run once, by Live or Recording. Phrases may be set, and
// all that is known of it asked, at any time and from any goroutine.
type Line struct {
	c       Config
	outputs []*output
	drawn   bool // somebody wants frames that are drawn on

	targets track.Targets
	carrier track.Carrier
	times   pipeline.Timings
	counts  counts
	pool    framePool
	toModel *mailbox
	toShow  *mailbox
	enough  chan struct{}          // closed when the last output has ended
	living  atomic.Int32           // outputs that have not ended
	newest  uint64                 // frame whose answer was shown last
	file    atomic.Pointer[string] // picture that was answered last, where they are unrelated
}

// New joins what c names. Nothing runs yet.
func New(c Config) *Line {
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Parallel < 1 {
		c.Parallel = DefaultParallel
	}
	l := &Line{c: c, toModel: newMailbox(), toShow: newMailbox(), enough: make(chan struct{}), drawn: c.Draw != nil && c.Window != nil}
	l.targets.Rules = c.Rules
	for _, o := range c.Outputs {
		l.Add(o)
	}
	return l
}

// Add joins one more output, such as a page that shows what is known of the line
// itself. It is called before Live or Recording.
func (l *Line) Add(o pipeline.Output) {
	l.outputs = append(l.outputs, &output{Output: o, box: newMailbox(), line: l})
	l.drawn = l.drawn || l.c.Draw != nil && o.Needs == pipeline.Drawn
	l.living.Add(1)
}

// SetPhrases replaces what is looked for. It holds from the next frame on: no
// answer is shown under a phrase that it does not belong to. A phrase given twice
// counts once.
func (l *Line) SetPhrases(ps []model.Phrase) { l.targets.SetPhrases(ps) }

// Phrases are the texts looked for now.
func (l *Line) Phrases() []string {
	var texts []string
	for _, p := range l.targets.Phrases() {
		texts = append(texts, p.Text)
	}
	return texts
}

// Reject takes what is shown of each phrase for a wrong one; see track.Targets.
func (l *Line) Reject() bool { return l.targets.Reject() }

// Pin keeps every lock on its target; see track.Targets.
func (l *Line) Pin(on bool) { l.targets.Pin(on) }

// SetRules changes the rules of the lock; see track.Targets.
func (l *Line) SetRules(r track.Rules) { l.targets.SetRules(r) }

// Rules are those of the lock.
func (l *Line) Rules() track.Rules { return l.targets.Judges() }

// Timings are what the stages take.
func (l *Line) Timings() *pipeline.Timings { return &l.times }

// begin starts what both ways of running need: the outputs beside the line and the
// report. all says that outputs which want every frame get them in line.
func (l *Line) begin(ctx context.Context, all bool) (*errgroup.Group, context.Context) {
	stages, ctx := errgroup.WithContext(ctx)
	for _, o := range l.outputs {
		if o.inLine = all && o.EveryFrame; !o.inLine {
			stages.Go(func() error { return o.run(ctx) })
		}
	}
	stages.Go(func() error { return l.report(ctx) })
	stages.Go(func() error {
		select {
		case <-l.enough:
			return io.EOF
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return stages, ctx
}

// end joins why the line ended with the errors of outputs that ended before it.
func (l *Line) end(errs ...error) error {
	for i := range errs {
		errs[i] = ended(errs[i])
	}
	for _, o := range l.outputs {
		errs = append(errs, o.failed())
	}
	return errors.Join(errs...)
}

// ended turns the ordinary ways of ending into no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// next reads one frame and notes what that took.
func (l *Line) next(ctx context.Context, f *camera.Frame) error {
	start := time.Now()
	if err := l.c.From.Next(ctx, f); err != nil {
		return err
	}
	l.times.Add(pipeline.StageCapture, time.Since(start))
	l.targets.SetMirrored(f.Mirrored)
	l.counts.captured.Add(1)
	return nil
}

// prepare lets the model do beforehand what it can do of f while it answers
// another frame.
func (l *Line) prepare(f *camera.Frame) error {
	if p, ok := l.c.By.(pipeline.Preparer); ok && len(l.targets.Phrases()) > 0 {
		return p.Prepare(f)
	}
	return nil
}

// present hands f and views to everyone who shows them.
func (l *Line) present(ctx context.Context, f *sharedFrame, views []pipeline.View) error {
	for i := range views {
		if views[i].Seq > 0 {
			l.times.Add(pipeline.StageAge, views[i].Age)
		}
	}
	drawn := l.draw(f, views)
	if drawn != f {
		defer drawn.release()
	}
	for _, o := range l.outputs {
		to := f
		if o.Needs == pipeline.Drawn {
			to = drawn
		}
		if err := o.hand(ctx, to, views); err != nil {
			return err
		}
	}
	l.counts.shown.Add(1)
	if l.c.Window == nil {
		return nil
	}
	start := time.Now()
	err := l.c.Window.Show(ctx, &drawn.Frame, views)
	l.times.Add(pipeline.StageShow, time.Since(start))
	return err
}

// draw is f with views painted on a copy; f itself where nobody wants that.
func (l *Line) draw(f *sharedFrame, views []pipeline.View) *sharedFrame {
	if !l.drawn {
		return f
	}
	start := time.Now()
	drawn := l.pool.get()
	f.CopyTo(&drawn.Frame)
	l.c.Draw(&drawn.Frame, views)
	l.times.Add(pipeline.StageDraw, time.Since(start))
	return drawn
}
