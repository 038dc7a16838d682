package track

import (
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// A lock follows one phrase from answer to answer.
type lock struct {
	view pipeline.View
	at   time.Time     // when the answered frame was taken
	took time.Duration // what the answer cost

	seen    time.Duration // PTS of the last frame that showed it
	sure    time.Duration // PTS of the last answer that was good enough for Locked
	rival   rival
	history history

	rejects  []rejected // oldest first
	switched bool       // the target shown was rejected; the next is another
	pinned   bool       // nothing but the present target is taken
}

// A rival is another thing that fits the phrase better than the one locked.
type rival struct {
	box   model.Box // zero for none
	since time.Duration
}

// update takes the answer on the frame with place pts in the recording. carried
// says that boxes are carried between answers, so that one missed answer need not
// hide them.
func (l *lock) update(a *model.Answer, pts, took time.Duration, r Rules, carried bool) {
	a = l.withoutRejected(a, pts, r)
	before := l.view
	prior := l.prior(a.Seq)
	l.at, l.took = a.At, took
	l.view.Phrase, l.view.Seq = a.Phrase, a.Seq
	l.view.Attention, l.view.Grid = a.Attention, a.Grid
	if a.Box().Area() == 0 {
		l.view.Score, l.view.Margin = a.Score(), a.Margin()
		l.missing(before, prior, pts, r, carried)
		return
	}
	i := l.choose(a, before, prior, pts, r)
	if i < 0 {
		l.missing(before, prior, pts, r, carried)
		return
	}
	l.view.Box, l.view.Score, l.view.Margin = a.Boxes[i], a.Scores[i], a.MarginOf(i)
	l.seen = pts
	if before.Track == 0 || before.State == pipeline.Absent || l.switched || before.HasBox() && prior.IoU(l.view.Box) < r.Same {
		l.view.Track++
	}
	l.switched = false
	l.view.State = l.found(before, pts, r)
}

// prior is where the target was shown on frame seq, or else where the answer
// before had it; the zero Box where it was not shown.
func (l *lock) prior(seq uint64) model.Box {
	if !l.view.HasBox() {
		return model.Box{}
	}
	if box, ok := l.history.at(seq); ok {
		return box
	}
	return l.view.Box
}

// choose is the number of the answer's box that is taken for the target. A
// target that is still there is left for a better one only when that is better
// for a while, or by far; one that is pinned never is, and then -1 says that the
// answer does not have it.
func (l *lock) choose(a *model.Answer, before pipeline.View, prior model.Box, pts time.Duration, r Rules) int {
	stays := l.pinned && before.Track > 0 && !l.switched
	if stays && !before.HasBox() {
		prior, _ = l.history.at(a.Seq) // where it was before it was lost
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

// found judges an answer with a box. Hysteresis: a lock needs less to be kept than
// to be won, and outlasts answers that doubt for a while.
func (l *lock) found(before pipeline.View, pts time.Duration, r Rules) pipeline.State {
	need, locked := float32(1), before.State == pipeline.Locked && before.Track == l.view.Track
	if locked {
		need = r.KeepRatio
	}
	if l.view.Score >= need*r.Score && l.view.Margin >= need*r.Margin {
		l.sure = pts
		return pipeline.Locked
	}
	if locked && pts-l.sure < r.KeepFor {
		return pipeline.Locked
	}
	return pipeline.Unsure
}

// missing judges an answer without a box: a lock that is carried outlasts it
// for a while, then the target is lost, and at last absent.
func (l *lock) missing(before pipeline.View, prior model.Box, pts time.Duration, r Rules, carried bool) {
	away := pts - l.seen
	switch {
	case carried && before.State == pipeline.Locked && away < r.KeepFor:
		l.view.Box = prior
		return
	case (before.HasBox() || before.State == pipeline.Lost) && away < r.LostFor:
		l.view.State = pipeline.Lost
	default:
		l.view.State = pipeline.Absent
	}
	l.view.Box, l.rival = model.Box{}, rival{}
}

// shown is the view at a moment: aged, and without its box once it is stale.
// A model that is slow itself is granted four times what it needs.
func (l *lock) shown(now time.Time, r Rules) pipeline.View {
	v := l.view
	v.Age, v.At = max(0, now.Sub(l.at)), l.at
	if v.HasBox() && v.Age > max(r.Stale, 4*l.took) {
		v.State, v.Box = pipeline.Lost, model.Box{}
	}
	return v
}
