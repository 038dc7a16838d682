package robot

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot/lens"
)

// A Way sends messages to one place outside. Its methods are called by one goroutine.
type Way interface {
	// Send sends p. What its error was over is lost: the next message is newer. It must
	// return when ctx ends.
	Send(ctx context.Context, p *Parcel) error
	// Close takes leave and frees the way. It must return when ctx ends.
	Close(ctx context.Context) error
}

// A Parcel is what one way is handed at a time: the newest message, and all events
// since the parcel before. Ways share it and do not change it.
type Parcel struct {
	Message *Message // nil where only events wait
	JSON    []byte   // of Message, in one line without its end
	Events  []Event
}

// An Out is a way by its name in log, page and metrics.
type Out struct {
	Name string
	To   Way
}

// A Keeper remembers what was told: Keep is called at each change of state. It must
// not block, and copies what it keeps of f, which is nil where no picture came with
// the change.
type Keeper interface {
	Keep(f *camera.Frame, m *Message)
}

// A Publisher runs a Machine beside the line. It is a Sink that needs no pixels and
// never fails or blocks: each way has a goroutine of its own, is handed the newest
// message and tried again after an error. Any goroutine may call its methods.
type Publisher struct {
	away   func() string
	keeper Keeper
	ranger Ranger // nil: there is no depth
	log    *slog.Logger
	outs   []*out
	rang   chan struct{} // a message was sent, and the next is due at another time

	mu      sync.Mutex
	machine *Machine
	lensErr error // told
}

// PublisherConfig is what a Publisher joins.
type PublisherConfig struct {
	Config
	Outs   []Out
	Away   func() string // why the source gives no pictures at the moment, "" that it does; nil: it always does
	Keeper Keeper        // nil: nothing is remembered
	Log    *slog.Logger  // nil means slog.Default()
}

// NewPublisher begins a boot. Nothing is sent before Run.
func NewPublisher(c PublisherConfig) *Publisher {
	p := &Publisher{away: c.Away, keeper: c.Keeper, ranger: c.Ranger, log: cmp.Or(c.Log, slog.Default()), rang: make(chan struct{}, 1), machine: NewMachine(c.Config, time.Now())}
	for _, o := range c.Outs {
		p.outs = append(p.outs, &out{Out: o, log: p.log, bell: make(chan struct{}, 1)})
	}
	return p
}

// Show is part of pipeline.Sink.
func (p *Publisher) Show(_ context.Context, f *camera.Frame, views []pipeline.View) error {
	if p.ranger != nil && len(views) > 0 && views[0].HasBox() { // the target is that of the first phrase
		p.ranger.Prepare(f, &views[0])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if u, ok := p.machine.Frame(time.Now(), f, views); ok {
		p.post(f, &u)
	}
	if err := p.machine.LensErr(); err != nil && p.lensErr == nil {
		p.log.Warn("messages have no bearing", "why", err)
		p.lensErr = err
	}
	return nil
}

// Ask says what is looked for from now on. The target is that of the first phrase.
func (p *Publisher) Ask(ps []model.Phrase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	phrase := ""
	if len(ps) > 0 {
		phrase = ps[0].Text
	}
	u := p.machine.Ask(time.Now(), phrase)
	p.post(nil, &u)
}

// Confirm locks the target that is proposed: track, or whichever it is for 0. Its
// error is ErrNotProposed.
func (p *Publisher) Confirm(track int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	u, err := p.machine.Confirm(time.Now(), track)
	if err != nil {
		return err
	}
	p.post(nil, &u)
	return nil
}

// SetLens says through which lens the pictures come from now on.
func (p *Publisher) SetLens(l *lens.Lens) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.machine.SetLens(l)
	p.lensErr = nil
}

// lookEvery is how soon a source that is away is told.
const lookEvery = 50 * time.Millisecond

// Run sends until ctx ends, then says so on every way and closes it. It returns nil.
func (p *Publisher) Run(ctx context.Context) error {
	var ways errgroup.Group
	over := make(chan struct{})
	for _, o := range p.outs {
		ways.Go(func() error {
			o.run(ctx, over)
			return nil
		})
	}
	due := time.NewTimer(0)
	defer due.Stop()
	for ctx.Err() == nil {
		select {
		case <-p.rang:
		case <-due.C:
			p.tick()
		case <-ctx.Done():
		}
		due.Reset(p.wait())
	}
	p.mu.Lock()
	u := p.machine.End(time.Now())
	p.post(nil, &u)
	p.mu.Unlock()
	close(over)
	return ways.Wait()
}

// wait is how long nothing is due.
func (p *Publisher) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(lookEvery, max(0, time.Until(p.machine.Next())))
}

func (p *Publisher) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	if u, ok := p.machine.Tick(time.Now()); ok {
		p.post(nil, &u)
	}
}

// look asks whether the source is away. p.mu is locked.
func (p *Publisher) look() {
	if p.away == nil {
		return
	}
	if u, ok := p.machine.Away(time.Now(), p.away()); ok {
		p.post(nil, &u)
	}
}

// SetRules changes what must not be acted on, from the next frame on.
func (p *Publisher) SetRules(r Rules) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.machine.guard.Rules = r
}

// post leaves u for every way. p.mu is locked, so that numbers rise.
func (p *Publisher) post(f *camera.Frame, u *Update) {
	if u.Changed && p.keeper != nil {
		p.keeper.Keep(f, &u.Message)
	}
	raw, err := json.Marshal(&u.Message)
	if err != nil { // every number of a message is rounded, which leaves none that JSON has not
		p.log.Error("a message cannot be encoded", "err", fmt.Errorf("encode target: %w", err))
		return
	}
	for _, o := range p.outs {
		o.put(&u.Message, raw, u.Events)
	}
	ring(p.rang)
}

// Stats says how each way is doing: what it sent, what newer messages took the place
// of, and its errors.
func (p *Publisher) Stats() []pipeline.OutputStats {
	var all []pipeline.OutputStats
	for _, o := range p.outs {
		all = append(all, o.stats())
	}
	return all
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
