package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"deixis/cmd/deixis/internal/config"
	"deixis/pipeline"
	"deixis/pipeline/web"
)

// onPage are the flags that the page may change, in its order.
var onPage = []string{
	"mirror", "lock-score", "lock-margin", "lock-keep-ratio", "lock-keep-for", "lock-lost-for", "lock-same", "lock-jump", "lock-jump-after", "lock-stale",
	"size", "fps", "pixel-format", "listen", "show-times",
}

// whileRunning says how a flag of live is changed while it runs: all of one way at once.
// Others hold from the next start.
var whileRunning = map[string]way{
	"phrase": phrases, "mirror": mirror, "log-level": level, "record": recordingTo, "events": eventsTo,
	"lock-score": lock, "lock-margin": lock, "lock-keep-ratio": lock, "lock-keep-for": lock, "lock-lost-for": lock, "lock-same": lock, "lock-jump": lock,
	"lock-jump-after": lock, "lock-stale": lock,
	"zone": rails, "forbidden-zone": rails, "min-size": rails, "max-size": rails, "max-rate": rails, "dwell": rails, "confirm": rails,
}

// way is how a flag is changed in this run; nil where it cannot be.
func (s *show) way(flag string) way {
	if flag == "record" && s.tape == nil || flag == "events" && s.outlet == nil {
		return nil
	}
	return whileRunning[flag]
}

// A way prepares to change flags while the line runs. What it prepared is done or undone.
type way func(s *show, to *cli) (step, error)

type step struct {
	holds turn                                    // taken while it is done; nil for none
	what  string                                  // whose turn it is
	do    func() (finish func() error, err error) // finish ends what was before; nil for nothing
	undo  func()                                  // nil for nothing
}

// now is a step that cannot fail.
func now(do func()) (step, error) {
	return step{do: func() (func() error, error) { do(); return nil, nil }}, nil
}

func phrases(s *show, to *cli) (step, error) {
	texts := pipeline.SplitAll(to.Live.Phrase)
	if _, err := s.asker.Phrases(texts); err != nil {
		return step{}, fmt.Errorf("--phrase: %w", err)
	}
	if len(texts) == 0 {
		return step{do: func() (func() error, error) { return nil, s.asker.Replace(nil) }}, nil
	}
	return step{do: func() (func() error, error) { return nil, s.orders.look(texts) }}, nil
}

func mirror(s *show, to *cli) (step, error) {
	return now(func() { s.mirror.Set(to.Live.Mirror); s.gate.Nudge() })
}

func lock(s *show, to *cli) (step, error) {
	return now(func() { s.line.SetRules(to.Live.Lock.rules()) })
}

func level(s *show, to *cli) (step, error) { return now(func() { s.g.SetLevel(to.LogLevel) }) }

func rails(s *show, to *cli) (step, error) {
	r, err := to.Live.Robot.rules()
	if err != nil || s.robot == nil {
		return step{do: func() (func() error, error) { return nil, nil }}, err
	}
	return now(func() { s.robot.SetRules(r) })
}

// settings are the flags of a run, of which some may change while it runs. Any goroutine
// may call its methods.
type settings struct {
	s     *show
	again func(set map[string]any) (*parsed, error)

	mu    sync.Mutex
	now   map[string]any // what holds, by flag
	next  map[string]any // what was saved and holds from the next start on
	known *parsed        // at the start
}

// newSettings notes what a run began with.
func newSettings(s *show) (*settings, error) {
	c := &settings{s: s, again: s.flags.again}
	if c.again == nil { // a show that no command line began
		return c, nil
	}
	p, err := c.again(nil)
	if err != nil {
		return nil, err
	}
	c.known, c.now, c.next = p, maps.Clone(p.values), map[string]any{}
	return c, nil
}

var (
	errNoFile = errors.New("no file of settings was given (start with --config FILE; deixis config init writes one)")
	errFixed  = errors.New("settings cannot be changed in this run")
)

// Reload takes the --config file anew. A file that is wrong changes nothing.
func (c *settings) Reload() (web.Change, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done, err := c.reload()
	if err != nil {
		c.s.g.Log.Warn("settings not taken", "why", oneLine(err))
		return web.Change{}, errors.New(oneLine(err))
	}
	c.s.g.Log.Info("settings taken anew", "changed", strings.Join(done.Changed, ", "))
	return done, nil
}

func (c *settings) reload() (web.Change, error) {
	if c.again == nil || c.known.Config == "" {
		return web.Change{}, errNoFile
	}
	p, err := c.again(nil)
	if err != nil {
		return web.Change{}, err
	}
	return c.take(p)
}

// take changes what can be to what p says, all or nothing of it. c.mu is locked.
func (c *settings) take(p *parsed) (web.Change, error) {
	done := web.Change{Changed: []string{}, Restart: []string{}, Overruled: []string{}}
	ways := map[uintptr]way{}
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		if name == "config" || same(c.now[name], p.values[name]) {
			continue
		}
		by := c.s.way(name)
		if by == nil {
			done.Restart = append(done.Restart, name)
			continue
		}
		done.Changed = append(done.Changed, name)
		ways[reflect.ValueOf(by).Pointer()] = by
	}
	steps, err := c.prepare(p, slices.Collect(maps.Values(ways)))
	if err != nil {
		return web.Change{}, err
	}
	if err := c.goAhead(steps); err != nil {
		return web.Change{}, err
	}
	for _, name := range done.Changed {
		c.now[name] = p.values[name]
	}
	if len(done.Restart) > 0 {
		c.s.g.Log.Warn("settings that need a restart", "keys", strings.Join(done.Restart, ", "))
	}
	return done, nil
}

// goAhead does what was prepared, and then ends what was before it.
func (c *settings) goAhead(steps []step) error {
	var finishes []func() error
	var errs []error
	for _, one := range steps {
		finish, err := one.do()
		if errs = append(errs, err); finish != nil {
			finishes = append(finishes, finish)
		}
		one.leave()
	}
	for _, finish := range finishes {
		if err := finish(); err != nil {
			c.s.g.Log.Warn("settings changed, but an output of before did not end cleanly", "why", oneLine(err))
		}
	}
	return errors.Join(errs...)
}

// prepare prepares all ways and takes their turns, or does neither.
func (c *settings) prepare(p *parsed, ways []way) (steps []step, err error) {
	held := 0
	defer func() {
		if err == nil {
			return
		}
		for n, one := range steps {
			if n < held {
				one.leave()
			}
			if one.undo != nil {
				one.undo()
			}
		}
	}()
	for _, by := range ways {
		one, err := by(c.s, p.cli)
		if err != nil {
			return steps, err
		}
		steps = append(steps, one)
	}
	for _, one := range steps {
		if err := one.take(); err != nil {
			return steps, err
		}
		held++
	}
	return steps, nil
}

func (s step) take() error {
	if s.holds == nil {
		return nil
	}
	if !s.holds.soon(longestTurn) {
		return fmt.Errorf("%s: it takes nothing at the moment, and stays as it is", s.what)
	}
	return nil
}

func (s step) leave() {
	if s.holds != nil {
		s.holds.leave()
	}
}

// same says whether two values of a flag are equal; no list is an empty one.
func same(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	return reflect.DeepEqual(a, b) || x.IsValid() && y.IsValid() && x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0
}

// Settings are those that the page may change, and how they are.
func (c *settings) Settings() web.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := web.Settings{Settings: []web.Setting{}}
	if c.known == nil {
		return all
	}
	all.File = c.known.Config
	c.now["mirror"] = c.s.mirror.On() // which has a button of its own
	for _, name := range onPage {
		f := c.known.flags[name]
		d := config.FieldOf(f)
		all.Settings = append(all.Settings, web.Setting{
			Key: name, Help: f.Help, Kind: d.Kind, Value: config.Plain(cmp.Or(c.next[name], c.now[name])), Default: d.Default,
			Choices: append([]string{}, d.Choices...), Least: d.Least, Most: d.Most, Live: c.s.way(name) != nil,
		})
	}
	return all
}

// Change gives settings other values, and saves them in the --config file where save says
// so. When one of them cannot be, or cannot be saved, none is changed.
func (c *settings) Change(set map[string]any, save bool) (web.Change, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.again == nil {
		return web.Change{}, errFixed
	}
	if save && c.known.Config == "" {
		return web.Change{}, errNoFile
	}
	for name := range set {
		switch {
		case !slices.Contains(onPage, name):
			return web.Change{}, fmt.Errorf("%s: no setting that can be changed here (see /api/settings)", name)
		case c.s.way(name) == nil && !save:
			return web.Change{}, fmt.Errorf("%s: it holds from the next start on, so that it must be saved", name)
		}
	}
	p, err := c.again(set)
	if err != nil {
		return web.Change{}, errors.New(oneLine(err))
	}
	c.now["mirror"] = c.s.mirror.On()
	to := maps.Clone(c.now) // what was changed before stays
	for name := range set {
		to[name] = p.values[name]
	}
	for name, v := range to {
		reflect.ValueOf(p.flags[name].Target.Addr().Interface()).Elem().Set(reflect.ValueOf(v))
	}
	if p.values = to; save {
		if err := c.save(set); err != nil {
			return web.Change{}, errors.New(oneLine(err))
		}
	}
	done, err := c.take(p)
	done.Saved = save
	if err == nil && save {
		done.Overruled = c.overruled(p, set)
		for _, name := range done.Restart {
			c.next[name] = to[name]
		}
	}
	return done, err
}

// save writes values into the --config file, one after the other and all at once.
func (c *settings) save(set map[string]any) error {
	f, err := config.Read(c.known.Config)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err == nil {
			f, err = f.With([]string{"live", name}, set[name])
		}
	}
	if err == nil {
		err = f.Write()
	}
	if err != nil {
		return fmt.Errorf("not saved: %w", err)
	}
	return nil
}

// overruled are the settings that are saved and will not hold at the next start, because
// the command line or a variable says otherwise.
func (c *settings) overruled(p *parsed, set map[string]any) []string {
	names := []string{}
	next, err := c.again(nil)
	if err != nil {
		return names
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !same(next.values[name], p.values[name]) {
			names = append(names, name)
		}
	}
	return names
}
