package main

import (
	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/overlay"
	"deixis/pipeline/track"
)

// drawTo writes f with the answers painted on it; the file's extension says as
// what. f itself is painted on.
func drawTo(file string, f *camera.Frame, answers []model.Answer) error {
	views := make([]pipeline.View, len(answers))
	for i := range answers {
		views[i] = viewOf(&answers[i])
	}
	var o overlay.Overlay
	o.Draw(f, views)
	return opencv.WriteImage(file, f)
}

// viewOf is one answer as the overlay shows it, by the rules of the live line.
func viewOf(a *model.Answer) pipeline.View {
	v := pipeline.View{Phrase: a.Phrase, State: pipeline.Absent, Box: a.Box(), Score: a.Score(), Margin: a.Margin(), Seq: a.Seq}
	switch {
	case v.Box.Area() == 0:
		v.Box = model.Box{}
	case v.Score >= track.DefaultRules.Score && v.Margin >= track.DefaultRules.Margin:
		v.State = pipeline.Locked
	default:
		v.State = pipeline.Unsure
	}
	return v
}
