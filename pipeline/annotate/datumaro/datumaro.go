// Package datumaro writes the Datumaro format: a zip with annotations/default.json,
// an item a frame, which its library and CVAT ("Datumaro 1.0") read.
package datumaro

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"

	"deixis/model"
	"deixis/pipeline/annotate"
)

type (
	object struct {
		ID         int            `json:"id"`
		Type       string         `json:"type"`
		Attributes map[string]any `json:"attributes"`
		Group      int            `json:"group"`
		Label      int            `json:"label_id"`
		Z          int            `json:"z_order"`
		Box        [4]float64     `json:"bbox"` // left, top, width, height
	}
	image struct {
		Path string `json:"path"`
		Size [2]int `json:"size"` // height, width
	}
	item struct {
		ID          string         `json:"id"`
		Annotations []object       `json:"annotations"`
		Attributes  map[string]any `json:"attr"`
		Image       image          `json:"image"`
	}
	label struct {
		Name       string   `json:"name"`
		Parent     string   `json:"parent"`
		Attributes []string `json:"attributes"`
	}
	labels struct {
		Labels     []label  `json:"labels"`
		Attributes []string `json:"attributes"`
	}
)

// Write writes v.
func Write(w io.Writer, v *annotate.Video) error {
	kinds := labels{Labels: []label{}, Attributes: []string{"phrase", "track_id", "score"}}
	for _, p := range v.Phrases {
		kinds.Labels = append(kinds.Labels, label{p, "", []string{}})
	}
	z := zip.NewWriter(w)
	to, err := z.Create("annotations/default.json")
	if err != nil {
		return err
	}
	s := annotate.NewStream(to)
	s.Member("info", map[string]any{"source": v.Source})
	s.Member("categories", map[string]labels{"label": kinds})
	s.List("items", func(add func(any) error) error {
		n := 0
		return v.EachFrame(func(frame int, boxes []annotate.Placed) error {
			one := itemOf(v, frame)
			for _, p := range boxes {
				x, y := model.Round(float64(p.X1), 2), model.Round(float64(p.Y1), 2)
				one.Annotations = append(one.Annotations, object{
					ID: n, Type: "bbox", Label: p.Phrase,
					Attributes: map[string]any{"phrase": v.Phrases[p.Phrase], "track_id": p.ID, "score": model.Round(float64(p.Score), 3)},
					Box:        [4]float64{x, y, model.Round(float64(p.X2)-x, 2), model.Round(float64(p.Y2)-y, 2)},
				})
				n++
			}
			return add(one)
		})
	})
	return errors.Join(s.Close(), z.Close())
}

// itemOf is a frame without its boxes.
func itemOf(v *annotate.Video, frame int) item {
	p := v.Frames[frame]
	name := p.File
	if name == "" {
		name = fmt.Sprintf("%06d.jpg", frame)
	}
	return item{
		ID: fmt.Sprintf("%06d", frame), Annotations: []object{}, Attributes: map[string]any{"frame": frame, "time": model.Round(p.At.Seconds(), 6)},
		Image: image{name, [2]int{p.Height, p.Width}},
	}
}
