package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/camera"
	"deixis/model"
)

// Live is the line from a source to its sinks. Fill in the fields, then call
// Run or RunEvery once.
type Live struct {
	From   Source
	By     Grounder
	To     Sink                                // shown on the goroutine that called Run, as a window needs it; may be nil
	Beside []Beside                            // shown on their own goroutines, and skipped while they are busy
	Draw   func(f *camera.Frame, views []View) // paints the views on a frame to be shown; nil leaves it bare

	Still   bool         // boxes stand still between two answers, instead of being carried with what is in them
	Abreast int          // how many frames of a recording are answered at once; 0 means DefaultAbreast
	Ahead   bool         // every frame is prepared as it comes, where By can: pays where the network leaves the CPU free
	Rules   Rules        // zero means DefaultRules
	Log     *slog.Logger // nil means slog.Default()
	Times   Timings      // what each stage takes

	targets targets
	carrier carrier
	toModel *Latest
	toShow  *Latest
	boxes   []*Latest // one for each of Beside
	counts  counts
	newest  uint64 // frame whose answer was shown last
}

// A Beside is a sink that may be slow: it never holds up the line.
type Beside struct {
	Name string // in the log
	To   Sink
	Bare bool // wants frames that nothing was drawn on
}

// SetPhrases replaces what is looked for, at any time and from any goroutine.
// It holds from the next frame on: no answer is shown under a phrase that it
// does not belong to. A phrase given twice counts once.
func (l *Live) SetPhrases(ps []model.Phrase) { l.targets.ask(ps) }

// Phrases are the texts looked for now.
func (l *Live) Phrases() []string {
	var texts []string
	for _, p := range l.targets.phrases() {
		texts = append(texts, p.Text)
	}
	return texts
}

// Run shows every frame as soon as it is there, with the newest answers, until
// the source is dry, a sink has had enough or ctx ends; those three are no
// errors. The newest frame wins: a stage that is busy misses frames.
func (l *Live) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l.targets.held = !l.Still
	stages, ctx := l.begin(ctx)
	stages.Go(func() error { return l.capture(ctx) })
	stages.Go(func() error { return l.ground(ctx) })
	err := l.show(ctx)
	stop()
	return errors.Join(ended(stages.Wait()), ended(err))
}

// Every answers phrases on every frame of a recording and shows it, until the
// recording ends.
func Every(ctx context.Context, from Source, by Grounder, to Sink, ps []model.Phrase) error {
	l := &Live{From: from, By: by, To: to}
	l.SetPhrases(ps)
	return l.RunEvery(ctx)
}

// begin starts what both ways of running need: the slow sinks and the report.
func (l *Live) begin(ctx context.Context) (*errgroup.Group, context.Context) {
	if l.Log == nil {
		l.Log = slog.Default()
	}
	if l.targets.rules = l.Rules; l.Rules == (Rules{}) {
		l.targets.rules = DefaultRules
	}
	l.toModel, l.toShow, l.boxes = NewLatest(), NewLatest(), nil
	stages, ctx := errgroup.WithContext(ctx)
	for _, b := range l.Beside {
		box := NewLatest()
		l.boxes = append(l.boxes, box)
		stages.Go(func() error { return b.feed(ctx, box, &l.Times) })
	}
	stages.Go(func() error { return l.report(ctx) })
	return stages, ctx
}

// ended turns the ordinary ways of ending into no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (l *Live) capture(ctx context.Context) error {
	var f camera.Frame
	for {
		if err := l.next(ctx, &f); err != nil {
			return err
		}
		if !l.Still {
			l.carrier.sketches.put(newSketch(&f))
		}
		l.toShow.Put(&f)
		if l.Ahead {
			if err := l.prepare(&f); err != nil {
				return err
			}
		}
		if l.toModel.Put(&f) {
			l.counts.skipped.Add(1)
		}
	}
}

func (l *Live) ground(ctx context.Context) error {
	var f camera.Frame
	for {
		if _, err := l.toModel.Take(ctx, &f); err != nil {
			return err
		}
		l.Times.Add(Take, time.Since(f.At))
		if err := l.answer(ctx, &f); err != nil {
			return err
		}
	}
}

func (l *Live) show(ctx context.Context) error {
	var f camera.Frame
	for {
		if err := l.take(ctx, &f); err != nil {
			return err
		}
		start := time.Now()
		views := l.targets.views(start)
		if !l.Still {
			l.carrier.carry(&f, views)
			l.Times.Add(Carry, time.Since(start))
		}
		l.targets.note(f.Seq, views)
		l.first(views)
		if err := l.present(ctx, &f, views); err != nil {
			return err
		}
	}
}

// next reads one frame and notes what that took.
func (l *Live) next(ctx context.Context, f *camera.Frame) error {
	start := time.Now()
	if err := l.From.Next(ctx, f); err != nil {
		return err
	}
	l.Times.Add(Capture, time.Since(start))
	l.targets.turn(f.Mirrored)
	l.counts.captured.Add(1)
	return nil
}

// idleEvery is how long a sink that reads keys may wait to do so: the window
// library remembers only one key.
const idleEvery = 10 * time.Millisecond

// take waits for a frame to show, and lets an idle sink do its work meanwhile.
func (l *Live) take(ctx context.Context, f *camera.Frame) error {
	idler, ok := l.To.(Idler)
	if !ok {
		_, err := l.toShow.Take(ctx, f)
		return err
	}
	for {
		short, stop := context.WithTimeout(ctx, idleEvery)
		_, err := l.toShow.Take(short, f)
		stop()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err := idler.Idle(); err != nil {
			return err
		}
	}
}

// first notes how old an answer is when it is shown for the first time.
func (l *Live) first(views []View) {
	for i := range views {
		if views[i].Seq > l.newest {
			l.newest = views[i].Seq
			l.Times.Add(Fresh, views[i].Age)
		}
	}
}

// prepare lets the model do beforehand what it can do of f while it answers
// another frame.
func (l *Live) prepare(f *camera.Frame) error {
	if p, ok := l.By.(Preparer); ok && len(l.targets.phrases()) > 0 {
		return p.Prepare(f)
	}
	return nil
}

// present draws views on f and hands it to the sinks.
func (l *Live) present(ctx context.Context, f *camera.Frame, views []View) error {
	for i := range views {
		if views[i].Seq > 0 {
			l.Times.Add(Age, views[i].Age)
		}
	}
	l.hand(f, views, true)
	if l.Draw != nil {
		start := time.Now()
		l.Draw(f, views)
		l.Times.Add(Draw, time.Since(start))
	}
	l.hand(f, views, false)
	l.counts.shown.Add(1)
	if l.To == nil {
		return nil
	}
	start := time.Now()
	err := l.To.Show(ctx, f, views)
	l.Times.Add(Show, time.Since(start))
	return err
}

// hand puts f into the mailboxes of the sinks that want it bare, or drawn on.
func (l *Live) hand(f *camera.Frame, views []View, bare bool) {
	for i, box := range l.boxes {
		if l.Beside[i].Bare == bare {
			box.Put(f, views...)
		}
	}
}

// feed shows what comes into the mailbox, on the sink's own goroutine.
func (b *Beside) feed(ctx context.Context, box *Latest, times *Timings) error {
	var f camera.Frame
	for {
		views, err := box.Take(ctx, &f)
		if err != nil {
			return err
		}
		start := time.Now()
		if err := b.To.Show(ctx, &f, views); err != nil {
			return err
		}
		times.Add(Show, time.Since(start))
	}
}
