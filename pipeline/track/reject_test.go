package track

import (
	"testing"
	"time"

	"deixis/model"
	"deixis/pipeline"
)

// three is an answer with three boxes in places of 10 pixels, from nought on
// at x; score 0 leaves a box out.
func three(phrase string, scores ...float32) *model.Answer {
	a := &model.Answer{Phrase: phrase, Seq: 1, Present: true}
	for i, s := range scores {
		if s > 0 {
			x := float32(100 * i)
			a.Boxes, a.Scores = append(a.Boxes, model.Box{X1: x, Y1: 0, X2: x + 10, Y2: 10}), append(a.Scores, s)
		}
	}
	for i := range a.Scores { // best first
		for j := i; j > 0 && a.Scores[j] > a.Scores[j-1]; j-- {
			a.Scores[j], a.Scores[j-1] = a.Scores[j-1], a.Scores[j]
			a.Boxes[j], a.Boxes[j-1] = a.Boxes[j-1], a.Boxes[j]
		}
	}
	return a
}

// told answers phrase p on a picture that stands, and gives the view after each.
func told(l *Targets, at *time.Duration, a *model.Answer) pipeline.View {
	*at += 100 * time.Millisecond
	l.locks["p"].update(a, *at, 0, DefaultRules, false)
	v := l.locks["p"].view
	l.Shown(a.Seq, []pipeline.View{v})
	return v
}

func askedP() (*Targets, *time.Duration) {
	l := &Targets{}
	l.SetPhrases([]model.Phrase{{Text: "p"}})
	return l, new(time.Duration)
}

func TestTheOtherOne(t *testing.T) {
	l, at := askedP()
	if l.Reject() {
		t.Error("something was shown before the first answer")
	}
	want := func(name string, v pipeline.View, x float32, track int) {
		t.Helper()
		if !v.HasBox() || v.Box.X1 != x || v.Track != track {
			t.Errorf("%s: %+v; want a box at %v, track %d", name, v, x, track)
		}
	}
	want("first", told(l, at, three("p", 0.7, 0.2, 0.06)), 0, 1)
	if !l.Reject() {
		t.Error("nothing was shown")
	}
	if v := l.Views(time.Now())[0]; v.HasBox() {
		t.Errorf("the wrong one is still shown: %+v", v)
	}
	v := told(l, at, three("p", 0.7, 0.2, 0.06))
	want("second", v, 100, 2)
	if v.State != pipeline.Locked || v.Score < 0.6 || v.Score > 0.7 { // 0.2 of the 0.3 that is left
		t.Errorf("it is %v at a score of %v", v.State, v.Score)
	}
	for range 10 { // however well the first fits, it does not come back
		want("second stays", told(l, at, three("p", 0.9, 0.05, 0.02)), 100, 2)
	}
	l.Reject()
	want("third", told(l, at, three("p", 0.7, 0.2, 0.06)), 200, 3)
	l.Reject()
	want("the first again", told(l, at, three("p", 0.7, 0.2, 0.06)), 0, 4)
	l.Reject()
	want("and the second", told(l, at, three("p", 0.7, 0.2, 0.06)), 100, 5)
}

func TestTheOtherOneIsNotThere(t *testing.T) {
	l, at := askedP()
	told(l, at, three("p", 0.9))
	l.Reject()
	if v := told(l, at, three("p", 0.9)); v.HasBox() {
		t.Errorf("the only one is shown again: %+v", v)
	}
	if v := told(l, at, three("p", 0.9, 0.05)); v.Box.X1 != 100 {
		t.Errorf("another one that comes is not shown: %+v", v)
	}
	// What is shunned and goes is forgotten after a while.
	for range 15 {
		told(l, at, three("p", 0, 0.9))
	}
	if n := len(l.locks["p"].rejects); n != 0 {
		t.Errorf("%d things are rejected that have been gone for long", n)
	}
	// Another phrase knows nothing of it.
	l.Reject()
	l.SetPhrases([]model.Phrase{{Text: "q"}})
	l.SetPhrases([]model.Phrase{{Text: "p"}})
	if v := told(l, at, three("p", 0.9)); v.Box.X1 != 0 || v.State != pipeline.Locked {
		t.Errorf("a phrase asked anew shows %+v", v)
	}
}

func TestPin(t *testing.T) {
	l, at := askedP()
	l.Pin(true)
	if v := told(l, at, three("p", 0.5, 0.9)); v.Box.X1 != 100 {
		t.Errorf("while pinned the first answer is not taken: %+v", v)
	}
	for range 10 {
		if v := told(l, at, three("p", 0.99, 0.1)); v.Box.X1 != 100 || v.Track != 1 {
			t.Fatalf("what is pinned was left: %+v", v)
		}
	}
	for range 12 {
		told(l, at, three("p", 0.99))
	}
	if v := told(l, at, three("p", 0.99)); v.HasBox() {
		t.Errorf("another thing is shown in place of what is pinned: %+v", v)
	}
	if v := told(l, at, three("p", 0.99, 0.6)); v.Box.X1 != 100 {
		t.Errorf("what is pinned is back and not shown: %+v", v)
	}
	l.Reject()
	if v := told(l, at, three("p", 0.9, 0.6)); v.Box.X1 != 0 {
		t.Errorf("the other one is not shown while pinned: %+v", v)
	}
	l.Pin(false)
	for range 10 {
		told(l, at, three("p", 0.01, 0.9, 0.9))
	}
	if v := told(l, at, three("p", 0.01, 0, 0.9)); v.Box.X1 != 200 {
		t.Errorf("after letting go a better one is not taken: %+v", v)
	}
}
