package track

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// Targets are the phrases looked for, with a lock on the target of each. The zero
// value looks for nothing by DefaultRules. Every method may be called from any
// goroutine.
type Targets struct {
	Rules   Rules // zero means DefaultRules
	Carried bool  // boxes are carried between answers (Carrier), so that one missed answer need not hide them

	mu       sync.Mutex
	asked    []model.Phrase // never changed in place
	locks    map[string]*lock
	pinned   bool // locks stay with their targets
	mirrored bool // the frames of now
}

// SetPhrases replaces the phrases. Those that stay keep their locks; one given
// twice counts once.
func (t *Targets) SetPhrases(ps []model.Phrase) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make(map[string]*lock)
	var asked []model.Phrase
	for _, p := range ps {
		if _, twice := kept[p.Text]; twice {
			continue
		}
		asked = append(asked, p)
		kept[p.Text] = cmp.Or(t.locks[p.Text], t.newLock(p.Text))
	}
	t.asked, t.locks = asked, kept
}

func (t *Targets) newLock(phrase string) *lock {
	return &lock{view: pipeline.View{Phrase: phrase}, pinned: t.pinned}
}

// Phrases are those looked for now. The caller must not change the slice.
func (t *Targets) Phrases() []model.Phrase {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// SetMirrored forgets where targets were when left and right are swapped.
func (t *Targets) SetMirrored(mirrored bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mirrored != t.mirrored {
		t.mirrored = mirrored
		t.reset()
	}
}

// Forget begins every lock anew: what comes next has nothing to do with what was.
func (t *Targets) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reset()
}

// reset begins every lock anew. t.mu is locked.
func (t *Targets) reset() {
	for text := range t.locks {
		t.locks[text] = t.newLock(text)
	}
}

// SetRules judges by other rules from the next answer on. Locks stay.
func (t *Targets) SetRules(r Rules) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Rules = r
}

// Judges are the rules that hold.
func (t *Targets) Judges() Rules {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rules()
}

// rules are Rules, or DefaultRules for none.
func (t *Targets) rules() Rules {
	if t.Rules == (Rules{}) {
		return DefaultRules
	}
	return t.Rules
}

// Update takes answers on frame f, which cost took, and leaves out those to
// phrases that nobody asks any more, or from before the picture was mirrored.
func (t *Targets) Update(answers []model.Answer, f *camera.Frame, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.Mirrored != t.mirrored {
		return
	}
	for i := range answers {
		if l := t.locks[answers[i].Phrase]; l != nil {
			l.update(&answers[i], f.PTS, took, t.rules(), t.Carried)
		}
	}
}

// Views are what is known at a moment, one view a phrase in the order asked, in a
// slice of the caller's own.
func (t *Targets) Views(now time.Time) []pipeline.View {
	t.mu.Lock()
	defer t.mu.Unlock()
	vs := make([]pipeline.View, 0, len(t.asked))
	for _, p := range t.asked {
		l := t.locks[p.Text]
		if l.at.IsZero() {
			vs = append(vs, l.view)
			continue
		}
		vs = append(vs, l.shown(now, t.rules()))
	}
	return slices.Clip(vs)
}

// Shown remembers where targets were shown on frame seq: the next answer, which is
// on a frame of the past, is compared with where its target was then.
func (t *Targets) Shown(seq uint64, views []pipeline.View) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range views {
		if l := t.locks[views[i].Phrase]; l != nil && views[i].HasBox() {
			l.history.add(seq, views[i].Box)
		}
	}
}

// Reject takes what is shown of each phrase for a wrong one: the next best is
// shown instead, and after the last the first again. It says whether anything was
// shown.
func (t *Targets) Reject() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	any := false
	for _, lock := range t.locks {
		any = lock.reject() || any
	}
	return any
}

// Pin keeps every lock on its target, or lets it choose again: while pinned
// nothing else is taken for it, however well it fits.
func (t *Targets) Pin(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pinned = on
	for _, lock := range t.locks {
		lock.pinned = on
	}
}
