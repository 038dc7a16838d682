package track

import (
	"deixis/model"
	"deixis/pipeline"
)

// ViewOf is one answer by itself, as a lock by DefaultRules would begin with it.
func ViewOf(a *model.Answer) pipeline.View {
	v := pipeline.View{Phrase: a.Phrase, State: pipeline.Absent, Box: a.Box(), Score: a.Score(), Margin: a.Margin(), Seq: a.Seq}
	if v.Box.Area() == 0 {
		v.Box = model.Box{}
	} else {
		v.State = StateOf(v.Score, v.Margin)
	}
	return v
}

// StateOf is the state of a box by itself, by DefaultRules.
func StateOf(score, margin float32) pipeline.State {
	if score >= DefaultRules.Score && margin >= DefaultRules.Margin {
		return pipeline.Locked
	}
	return pipeline.Unsure
}
