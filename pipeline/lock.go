package pipeline

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"deixis/model"
)

// Rules say when an answer counts as a lock. The zero value takes DefaultRules.
type Rules struct {
	Score   float32       // of the best box, at least, to be Locked; 0..1
	Margin  float32       // to the runner-up, at least, to be Locked; 0..1
	Hold    float32       // share of Score and Margin that keeps a lock once it is there; 0..1
	LostFor time.Duration // how long something unseen is Lost before it is Absent, by PTS
	Same    float32       // IoU with the box before, at least, to be the same target; 0..1
	Stale   time.Duration // how old an answer may grow before its box is hidden
}

// DefaultRules suit calibrated scores: an even chance, clearly ahead of the next.
var DefaultRules = Rules{Score: 0.5, Margin: 0.1, Hold: 0.7, LostFor: time.Second, Same: 0.1, Stale: 2 * time.Second}

// A lock follows one phrase from answer to answer.
type lock struct {
	view View
	at   time.Time     // when the answered frame was taken
	took time.Duration // what the answer cost
	seen time.Duration // PTS of the last frame that showed it
}

// update takes the answer on the frame with place pts in the recording.
func (l *lock) update(a *model.Answer, pts, took time.Duration, r Rules) {
	before := l.view
	l.at, l.took = a.At, took
	l.view.Phrase, l.view.Seq = a.Phrase, a.Seq
	l.view.Score, l.view.Margin, l.view.Box = a.Score(), a.Margin(), a.Box()
	l.view.Attention, l.view.Grid = a.Attention, a.Grid
	if l.view.Box.Area() == 0 {
		l.view.Box = model.Box{}
		l.view.State = l.missing(before, pts, r)
		return
	}
	l.seen = pts
	if before.Track == 0 || before.State == Absent || before.HasBox() && before.Box.IoU(l.view.Box) < r.Same {
		l.view.Track++
	}
	l.view.State = l.found(before, r)
}

// found judges an answer with a box. A lock is easier kept than won.
func (l *lock) found(before View, r Rules) State {
	need := float32(1)
	if before.State == Locked && before.Track == l.view.Track {
		need = r.Hold
	}
	if l.view.Score >= need*r.Score && l.view.Margin >= need*r.Margin {
		return Locked
	}
	return Unsure
}

// missing judges an answer without a box.
func (l *lock) missing(before View, pts time.Duration, r Rules) State {
	was := before.HasBox() || before.State == Lost
	if was && pts-l.seen < r.LostFor {
		return Lost
	}
	return Absent
}

// shown is the view at a moment: aged, and without its box once it is stale.
// A model that is slow itself is granted four times what it needs.
func (l *lock) shown(now time.Time, r Rules) View {
	v := l.view
	v.Age = max(0, now.Sub(l.at))
	if v.HasBox() && v.Age > max(r.Stale, 4*l.took) {
		v.State, v.Box = Lost, model.Box{}
	}
	return v
}

// targets are the phrases asked for and the locks on them. Every method may be
// called from any goroutine.
type targets struct {
	rules Rules

	mu    sync.Mutex
	asked []model.Phrase // never changed in place
	locks map[string]*lock
}

// ask replaces the phrases. Those that stay keep their locks.
func (t *targets) ask(ps []model.Phrase) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make(map[string]*lock)
	var asked []model.Phrase
	for _, p := range ps {
		if _, twice := kept[p.Text]; twice {
			continue
		}
		asked = append(asked, p)
		kept[p.Text] = cmp.Or(t.locks[p.Text], &lock{view: View{Phrase: p.Text}})
	}
	t.asked, t.locks = asked, kept
}

// phrases are those asked for now. The caller must not change the slice.
func (t *targets) phrases() []model.Phrase {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// update takes answers and leaves out those to phrases that nobody asks any more.
func (t *targets) update(answers []model.Answer, pts, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range answers {
		if l := t.locks[answers[i].Phrase]; l != nil {
			l.update(&answers[i], pts, took, t.rules)
		}
	}
}

// views are what is known at a moment, one a phrase in the order asked.
func (t *targets) views(now time.Time) []View {
	t.mu.Lock()
	defer t.mu.Unlock()
	vs := make([]View, 0, len(t.asked))
	for _, p := range t.asked {
		l := t.locks[p.Text]
		if l.at.IsZero() {
			vs = append(vs, l.view)
			continue
		}
		vs = append(vs, l.shown(now, t.rules))
	}
	return slices.Clip(vs)
}
