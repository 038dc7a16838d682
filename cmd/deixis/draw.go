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
		views[i] = track.ViewOf(&answers[i])
	}
	var o overlay.Overlay
	o.Draw(f, views)
	return opencv.WriteImage(file, f)
}
