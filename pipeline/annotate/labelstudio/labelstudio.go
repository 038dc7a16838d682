// Package labelstudio writes Label Studio tasks with predictions for its video
// object tracking template, and the labelling configuration that they fit.
//
// Frames count from 1, boxes are in percent of the frame. `enabled` says that a box
// is interpolated linearly to the next of the sequence; where it is false, the span
// ends with that frame.
package labelstudio

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"

	"deixis/model"
	"deixis/pipeline/annotate"
)

type (
	key struct {
		Frame    int     `json:"frame"`
		Enabled  bool    `json:"enabled"`
		Rotation int     `json:"rotation"`
		X        float64 `json:"x"`
		Y        float64 `json:"y"`
		Width    float64 `json:"width"`
		Height   float64 `json:"height"`
		Time     float64 `json:"time"`
	}
	value struct {
		FramesCount int      `json:"framesCount"`
		Duration    float64  `json:"duration"`
		Sequence    []key    `json:"sequence"`
		Labels      []string `json:"labels"`
	}
	result struct {
		ID    string   `json:"id"`
		Type  string   `json:"type"`
		From  string   `json:"from_name"`
		To    string   `json:"to_name"`
		Value value    `json:"value"`
		Score *float64 `json:"score,omitempty"`
		Meta  meta     `json:"meta"`
	}
	meta struct {
		Text []string `json:"text"`
	}
)

// The names by which configuration and results refer to each other.
const (
	boxName   = "box"
	labelName = "label"
	videoName = "video"
)

// Write writes v as a list of one task, for Label Studio's import.
func Write(w io.Writer, v *annotate.Video) error {
	data, err := json.Marshal(map[string]string{videoName: v.Source})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, `[{"data": %s, "predictions": [`+"\n", data); err != nil {
		return err
	}
	s := annotate.NewStream(w)
	s.Member("model_version", "deixis")
	s.List("result", func(add func(any) error) error {
		for i := range v.Tracks {
			if err := add(resultOf(v, &v.Tracks[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(w, "]}]\n")
	return err
}

// resultOf is one track. Its score is that of its best box.
func resultOf(v *annotate.Video, t *annotate.Track) result {
	val := value{FramesCount: len(v.Frames), Duration: model.Round(v.Duration().Seconds(), 6), Labels: []string{v.Phrases[t.Phrase]}, Sequence: []key{}}
	var best float32
	for _, b := range t.Boxes {
		best = max(best, b.Score)
	}
	for _, s := range t.Spans() {
		for n, k := range s.Keys {
			val.Sequence = append(val.Sequence, keyOf(v, k, n < len(s.Keys)-1))
		}
	}
	score := model.Round(float64(best), 3)
	return result{
		ID: fmt.Sprintf("track%d", t.ID), Type: "videorectangle", From: boxName, To: videoName, Value: val, Score: &score, Meta: meta{[]string{v.Phrases[t.Phrase]}},
	}
}

func keyOf(v *annotate.Video, b annotate.Box, on bool) key {
	percent := func(x float32, side int) float64 { return model.Round(100*float64(x)/float64(max(1, side)), 5) }
	f := v.Frames[b.Frame]
	return key{
		Frame: b.Frame + 1, Enabled: on, Time: model.Round(v.Frames[b.Frame].At.Seconds(), 6),
		X: percent(b.X1, f.Width), Y: percent(b.Y1, f.Height), Width: percent(b.X2-b.X1, f.Width), Height: percent(b.Y2-b.Y1, f.Height),
	}
}

// WriteConfig writes the labelling configuration, to paste into the project's
// settings (Labeling Interface, Code).
func WriteConfig(w io.Writer, v *annotate.Video) error {
	type label struct {
		Value string `xml:"value,attr"`
	}
	type labels struct {
		Name   string  `xml:"name,attr"`
		To     string  `xml:"toName,attr"`
		Labels []label `xml:"Label"`
	}
	type video struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
		Rate  string `xml:"framerate,attr"`
	}
	type rectangle struct {
		Name string `xml:"name,attr"`
		To   string `xml:"toName,attr"`
	}
	view := struct {
		XMLName xml.Name  `xml:"View"`
		Labels  labels    `xml:"Labels"`
		Video   video     `xml:"Video"`
		Box     rectangle `xml:"VideoRectangle"`
	}{Labels: labels{Name: labelName, To: videoName}, Video: video{videoName, "$" + videoName, fmt.Sprintf("%.3f", v.FPS())}, Box: rectangle{boxName, videoName}}
	for _, p := range v.Phrases {
		view.Labels.Labels = append(view.Labels.Labels, label{p})
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(view); err != nil {
		return err
	}
	return enc.Close()
}
