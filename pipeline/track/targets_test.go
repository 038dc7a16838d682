package track

import (
	"testing"
	"time"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

func answerOf(phrase string) []model.Answer {
	return []model.Answer{{Phrase: phrase, Seq: 1, At: time.Now(), Present: true, Boxes: []model.Box{{X2: 9, Y2: 9}}, Scores: []float32{0.9}}}
}

func TestTargetsGoByTheirRules(t *testing.T) {
	for name, tt := range map[string]struct {
		rules Rules
		want  pipeline.State
	}{
		"none given": {Rules{}, pipeline.Locked},
		"stricter":   {Rules{Score: 0.95, LostFor: time.Second, Stale: time.Hour}, pipeline.Unsure},
	} {
		ts := Targets{Rules: tt.rules}
		ts.SetPhrases([]model.Phrase{{Text: "p"}})
		a := answerOf("p")
		ts.Update(a, &camera.Frame{Seq: 1}, 0)
		if v := ts.Views(a[0].At)[0]; v.State != tt.want || !v.HasBox() {
			t.Errorf("%s: %+v, want %v", name, v, tt.want)
		}
	}
}

// A mirrored picture has everything elsewhere: what was known is forgotten, and an
// answer on a frame from before says nothing.
func TestMirroringForgets(t *testing.T) {
	var ts Targets
	ts.SetPhrases([]model.Phrase{{Text: "p"}})
	a := answerOf("p")
	known := func() bool { v := ts.Views(a[0].At)[0]; return v.HasBox() }
	ts.Update(a, &camera.Frame{Seq: 1}, 0)
	if ts.SetMirrored(false); !known() {
		t.Error("forgotten where nothing was turned")
	}
	if ts.SetMirrored(true); known() {
		t.Error("kept where all was turned")
	}
	if ts.Update(a, &camera.Frame{Seq: 2}, 0); known() {
		t.Error("an answer on a frame from before is taken")
	}
	if ts.Update(a, &camera.Frame{Seq: 3, Mirrored: true}, 0); !known() {
		t.Error("an answer on a mirrored frame is not taken")
	}
	if ts.SetMirrored(true); !known() {
		t.Error("forgotten at the second mirrored frame")
	}
	if ts.Forget(); known() {
		t.Error("not forgotten when told")
	}
}

func TestAnswersToOtherPhrases(t *testing.T) {
	var ts Targets
	ts.SetPhrases([]model.Phrase{{Text: "p"}})
	a := append(answerOf("q"), answerOf("p")...)
	ts.Update(a, &camera.Frame{Seq: 1}, 0)
	if vs := ts.Views(a[1].At); len(vs) != 1 || vs[0].Phrase != "p" || !vs[0].HasBox() {
		t.Errorf("%+v", vs)
	}
}

// How fast a thing moves is known from how it was tracked, or else from where two
// answers had it.
func TestSpeedOfANewAnswer(t *testing.T) {
	box := model.Box{X1: 90, Y1: 40, X2: 110, Y2: 60} // its middle is at 100, 50
	tracked := point{3, -1}
	for name, tt := range map[string]struct {
		before *carried
		want   point
	}{
		"the first":             {nil, point{}},
		"tracked":               {&carried{answer: 6, at: 9, speed: tracked, center: point{60, 70}}, tracked},
		"tracked, lost since":   {&carried{answer: 6, at: 9, misses: 1, speed: tracked, center: point{60, 70}}, point{10, -5}},
		"never tracked":         {&carried{answer: 6, at: 6, speed: tracked, center: point{60, 70}}, point{10, -5}},
		"never, and not missed": {&carried{answer: 8, at: 8, center: point{100, 50}}, point{}},
	} {
		c := begin(tt.before, &pipeline.View{Seq: 10, Box: box})
		if c.speed != tt.want || c.answer != 10 || c.at != 10 || c.box != box || c.center != (point{100, 50}) {
			t.Errorf("%s: %+v, want speed %v", name, c, tt.want)
		}
	}
}
