package track

import (
	"deixis/model"
	"deixis/pipeline"
)

// ViewOf is one answer by itself, as a lock by DefaultRules would begin with it.
func ViewOf(a *model.Answer) pipeline.View {
	v := pipeline.View{Phrase: a.Phrase, State: pipeline.Absent, Box: a.Box(), Score: a.Score(), Margin: a.Margin(), Seq: a.Seq}
	switch {
	case v.Box.Area() == 0:
		v.Box = model.Box{}
	case v.Score >= DefaultRules.Score && v.Margin >= DefaultRules.Margin:
		v.State = pipeline.Locked
	default:
		v.State = pipeline.Unsure
	}
	return v
}
