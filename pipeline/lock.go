package pipeline

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"deixis/camera"
	"deixis/model"
)

// A lock follows one phrase from answer to answer.
type lock struct {
	view View
	at   time.Time     // when the answered frame was taken
	took time.Duration // what the answer cost

	seen  time.Duration // PTS of the last frame that showed it
	sure  time.Duration // PTS of the last answer that was good enough for Locked
	rival rival
	path  path

	shuns  []shunned // oldest first
	turned bool      // away from a target that was shown; the next is another
	fixed  bool      // nothing but the present target is taken
}

// A rival is another thing that fits the phrase better than the one locked.
type rival struct {
	box   model.Box // zero for none
	since time.Duration
}

// update takes the answer on the frame with place pts in the recording. held
// says that boxes are carried, so that one missed answer need not hide them.
func (l *lock) update(a *model.Answer, pts, took time.Duration, r Rules, held bool) {
	a = l.but(a, pts, r)
	before := l.view
	prior := l.prior(a.Seq)
	l.at, l.took = a.At, took
	l.view.Phrase, l.view.Seq = a.Phrase, a.Seq
	l.view.Attention, l.view.Grid = a.Attention, a.Grid
	if a.Box().Area() == 0 {
		l.view.Score, l.view.Margin = a.Score(), a.Margin()
		l.missing(before, prior, pts, r, held)
		return
	}
	i := l.choose(a, before, prior, pts, r)
	if i < 0 {
		l.missing(before, prior, pts, r, held)
		return
	}
	l.view.Box, l.view.Score, l.view.Margin = a.Boxes[i], a.Scores[i], a.MarginOf(i)
	l.seen = pts
	if before.Track == 0 || before.State == Absent || l.turned || before.HasBox() && prior.IoU(l.view.Box) < r.Same {
		l.view.Track++
	}
	l.turned = false
	l.view.State = l.found(before, pts, r)
}

// prior is where the target was shown on frame seq, or else where the answer
// before had it; the zero Box where it was not shown.
func (l *lock) prior(seq uint64) model.Box {
	if !l.view.HasBox() {
		return model.Box{}
	}
	if box, ok := l.path.at(seq); ok {
		return box
	}
	return l.view.Box
}

// choose is the number of the answer's box that is taken for the target. A
// target that is still there is left for a better one only when that is better
// for a while, or by far; one that is fixed never is, and then -1 says that the
// answer does not have it.
func (l *lock) choose(a *model.Answer, before View, prior model.Box, pts time.Duration, r Rules) int {
	stays := l.fixed && before.Track > 0 && !l.turned
	if stays && !before.HasBox() {
		prior, _ = l.path.at(a.Seq) // where it was before it was lost
	}
	own, near := -1, r.Same
	for i, b := range a.Boxes {
		if iou := prior.IoU(b); iou >= near && i < len(a.Scores) {
			own, near = i, iou
		}
	}
	if stays {
		l.rival = rival{}
		return own
	}
	if !before.HasBox() || own <= 0 {
		l.rival = rival{}
		return 0
	}
	if l.rival.box.IoU(a.Boxes[0]) < r.Same {
		l.rival.since = pts
	}
	l.rival.box = a.Boxes[0]
	if a.Scores[0]-a.Scores[own] >= r.Jump || pts-l.rival.since >= r.JumpAfter {
		l.rival = rival{}
		return 0
	}
	return own
}

// found judges an answer with a box. A lock is easier kept than won, and stays
// a while after the last answer that was sure.
func (l *lock) found(before View, pts time.Duration, r Rules) State {
	need, locked := float32(1), before.State == Locked && before.Track == l.view.Track
	if locked {
		need = r.Hold
	}
	if l.view.Score >= need*r.Score && l.view.Margin >= need*r.Margin {
		l.sure = pts
		return Locked
	}
	if locked && pts-l.sure < r.HoldFor {
		return Locked
	}
	return Unsure
}

// missing judges an answer without a box: a lock that is carried outlasts it
// for a while, then the target is lost, and at last absent.
func (l *lock) missing(before View, prior model.Box, pts time.Duration, r Rules, held bool) {
	away := pts - l.seen
	switch {
	case held && before.State == Locked && away < r.HoldFor:
		l.view.Box = prior
		return
	case (before.HasBox() || before.State == Lost) && away < r.LostFor:
		l.view.State = Lost
	default:
		l.view.State = Absent
	}
	l.view.Box, l.rival = model.Box{}, rival{}
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
	held  bool // boxes are carried between answers
	fixed bool // locks stay with their targets

	mirrored bool // the frames of now

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
		kept[p.Text] = cmp.Or(t.locks[p.Text], &lock{view: View{Phrase: p.Text}, fixed: t.fixed})
	}
	t.asked, t.locks = asked, kept
}

// phrases are those asked for now. The caller must not change the slice.
func (t *targets) phrases() []model.Phrase {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// turn forgets where targets were when left and right are swapped.
func (t *targets) turn(mirrored bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mirrored == t.mirrored {
		return
	}
	t.mirrored = mirrored
	for text := range t.locks {
		t.locks[text] = &lock{view: View{Phrase: text}, fixed: t.fixed}
	}
}

// update takes answers on frame f and leaves out those to phrases that nobody
// asks any more, or from before the picture was turned.
func (t *targets) update(answers []model.Answer, f *camera.Frame, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.Mirrored != t.mirrored {
		return
	}
	for i := range answers {
		if l := t.locks[answers[i].Phrase]; l != nil {
			l.update(&answers[i], f.PTS, took, t.rules, t.held)
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

// note remembers where targets were shown on a frame.
func (t *targets) note(seq uint64, views []View) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range views {
		if l := t.locks[views[i].Phrase]; l != nil && views[i].HasBox() {
			l.path.add(seq, views[i].Box)
		}
	}
}
