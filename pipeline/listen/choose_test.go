package listen

import (
	"context"
	"errors"
	"strings"
	"testing"

	"deixis/camera"
	"deixis/model"
	"deixis/pipeline"
)

// seesRed is a grounder to which only red things are in the picture.
type seesRed struct {
	asked []int
	fails error
}

func (g *seesRed) Ground(_ context.Context, f *camera.Frame, ps []model.Phrase) (as []model.Answer, _ error) {
	g.asked = append(g.asked, len(ps))
	for _, p := range ps {
		a := model.Answer{Phrase: p.Text, Presence: 0.02, Scores: []float32{0.1}, Boxes: make([]model.Box, 1)}
		if strings.Contains(p.Text, "red") {
			a.Presence, a.Scores[0] = 0.97, 0.8
		}
		as = append(as, a)
	}
	return as, g.fails
}

func asPhrase(text string) (model.Phrase, error) {
	if len(strings.Fields(text)) > 6 {
		return model.Phrase{}, model.ErrLongPhrase
	}
	return model.Phrase{Text: text}, nil
}

func TestChoose(t *testing.T) {
	long := "the red cup that is far too long to say"
	for name, tt := range map[string]struct {
		cs      []Candidate
		no      bool // picture
		most    int
		best, n int
	}{
		"the picture decides":         {[]Candidate{{Phrase: "the bread cub", LogProb: -0.2}, {Phrase: "the red cup", LogProb: -0.4}}, false, 4, 1, 2},
		"not against all probability": {[]Candidate{{Phrase: "the blue cup", LogProb: -0.1}, {Phrase: "the red pup", LogProb: -8}}, false, 4, 0, 2},
		"the ear decides":             {[]Candidate{{Phrase: "the red cup", LogProb: -0.2}, {Phrase: "the red cap", LogProb: -0.4}}, false, 4, 0, 2},
		"no picture":                  {[]Candidate{{Phrase: "the bread cub", LogProb: -0.2}, {Phrase: "the red cup", LogProb: -0.4}}, true, 4, 0, 0},
		"too many":                    {[]Candidate{{Phrase: "a", LogProb: -0.1}, {Phrase: "b", LogProb: -0.2}, {Phrase: "the red cup", LogProb: -0.3}}, false, 2, 0, 2},
		"one is too long":             {[]Candidate{{Phrase: long, LogProb: -0.1}, {Phrase: "the cup", LogProb: -0.2}, {Phrase: "the red cup", LogProb: -0.3}}, false, 4, 2, 2},
		"all but one are too long":    {[]Candidate{{Phrase: long, LogProb: -0.1}, {Phrase: "the cup", LogProb: -0.2}}, false, 4, 1, 0},
		"all are too long":            {[]Candidate{{Phrase: long, LogProb: -0.1}, {Phrase: long + " still", LogProb: -0.2}}, false, 4, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			by := &seesRed{}
			c := Chooser{By: by, Phrase: asPhrase, Most: tt.most, Weights: DefaultWeights, Newest: func(*camera.Frame) bool { return !tt.no }}
			best, n, err := c.Choose(t.Context(), tt.cs)
			if err != nil || best != tt.best || n != tt.n {
				t.Errorf("chose %d of %d, %v; want %d of %d", best, n, err, tt.best, tt.n)
			}
			if len(by.asked) > 1 || len(by.asked) == 1 && by.asked[0] != tt.n {
				t.Errorf("asked %v", by.asked)
			}
		})
	}
	broken := errors.New("broken")
	c := Chooser{By: &seesRed{fails: broken}, Phrase: asPhrase, Most: 4, Newest: func(*camera.Frame) bool { return true }}
	if _, _, err := c.Choose(t.Context(), []Candidate{{Phrase: "a", LogProb: 0}, {Phrase: "b", LogProb: 0}}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestCandidates(t *testing.T) {
	tr := Transcript{NBest: []Hypothesis{{Text: "Show me the bread cub.", LogProb: -0.2}, {Text: "Show me the red cup.", LogProb: -0.3}, {Text: "show me the bread cub", LogProb: -0.4}, {Text: "Show me.", LogProb: -0.5}}}
	cs := English.Candidates(tr, Wake)
	if len(cs) != 2 || cs[0] != (Candidate{Phrase: "the bread cub", LogProb: -0.2}) || cs[1] != (Candidate{Phrase: "the red cup", LogProb: -0.3}) {
		t.Errorf("candidates %+v", cs)
	}
}

// TestLineChooses joins the line, the chooser and what is seen.
func TestLineChooses(t *testing.T) {
	tr := Transcript{NBest: []Hypothesis{{Text: "The bread cub.", LogProb: -0.2}, {Text: "The red cup.", LogProb: -0.4}}}
	for name, fails := range map[string]error{"": nil, "broken": errors.New("broken")} {
		var d diary
		l := d.line(&Line{From: &tape{pcm: spoken(1), err: errEnd}, Mode: Always, Every: true, By: &scribe{script: []Transcript{tr}}})
		sight := Sight{Line: l}
		var none camera.Frame
		if sight.Newest(&none) {
			t.Error("a frame is there before the first")
		}
		c := Chooser{By: &seesRed{fails: fails}, Phrase: asPhrase, Most: 4, Weights: DefaultWeights, Newest: sight.Newest}
		l.Choose = c.Choose
		if err := sight.Show(t.Context(), &camera.Frame{Seq: 3, Width: 1, Height: 1, Pix: make([]byte, 3)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := l.Run(t.Context()); !errors.Is(err, errEnd) {
			t.Fatal(err)
		}
		want := map[string]string{"": "the red cup", "broken": "the bread cub"}[name]
		if len(d.did) != 1 || d.did[0].Phrase != want || d.said[0].Read != map[string]int{"": 2}[name] {
			t.Errorf("did %+v, said %+v", d.did, d.said)
		}
		err := sight.Show(t.Context(), &camera.Frame{Seq: 4, Width: 1, Height: 1, Pix: make([]byte, 3)}, []pipeline.View{{Phrase: want, Seq: 4}})
		if err != nil || l.Status().Said.Took.Answer <= 0 {
			t.Errorf("%v, took %+v", err, l.Status().Said.Took)
		}
	}
}

var errEnd = errors.New("the source has gone")

// TestTalkingMeansSomething: who holds the button to talk means a thing, even where
// the likeliest reading names none.
func TestTalkingMeansSomething(t *testing.T) {
	tr := Transcript{NBest: []Hypothesis{{Text: "Bye.", LogProb: -0.4}, {Text: "Bike.", LogProb: -0.6}}}
	for mode, want := range map[Mode]string{PushToTalk: "bike", Always: ""} {
		var d diary
		l := d.line(&Line{Mode: mode, By: &scribe{script: []Transcript{tr}}})
		var said pipeline.Said
		if m := l.meant(t.Context(), tr, &waiting{}, &said); m.Phrase != want || (m.Why == "") != (want != "") {
			t.Errorf("in mode %s it is understood as %+v", mode, m)
		}
	}
}
