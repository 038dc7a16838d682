// Package coco writes COCO object detection JSON, with `videos` and `track_id` as
// COCO-VID and TAO have them.
package coco

import (
	"fmt"
	"io"

	"deixis/model"
	"deixis/pipeline/annotate"
)

type (
	video struct {
		ID     int     `json:"id"`
		Name   string  `json:"name"`
		Width  int     `json:"width"`
		Height int     `json:"height"`
		FPS    float64 `json:"fps"`
	}
	picture struct {
		ID      int     `json:"id"` // from 1
		VideoID int     `json:"video_id"`
		Frame   int     `json:"frame_id"` // from 0
		Time    float64 `json:"time"`     // seconds
		File    string  `json:"file_name"`
		Width   int     `json:"width"`
		Height  int     `json:"height"`
	}
	annotation struct {
		ID       int        `json:"id"`
		ImageID  int        `json:"image_id"`
		VideoID  int        `json:"video_id"`
		Category int        `json:"category_id"`
		Track    int        `json:"track_id"`
		Box      [4]float64 `json:"bbox"` // left, top, width, height
		Area     float64    `json:"area"`
		Crowd    int        `json:"iscrowd"`
		Score    float64    `json:"score"`
	}
	category struct {
		ID    int    `json:"id"` // from 1
		Name  string `json:"name"`
		Super string `json:"supercategory"`
	}
)

// Write writes v.
func Write(w io.Writer, v *annotate.Video) error {
	s := annotate.NewStream(w)
	s.Member("info", map[string]string{"description": v.Source})
	s.Member("licenses", []string{})
	s.Member("videos", []video{{1, v.Name, v.Width, v.Height, model.Round(v.FPS(), 3)}})
	s.List("categories", func(add func(any) error) error {
		for i, p := range v.Phrases {
			if err := add(category{ID: i + 1, Name: p}); err != nil {
				return err
			}
		}
		return nil
	})
	s.List("images", func(add func(any) error) error {
		for i, p := range v.Frames {
			name := p.File
			if name == "" {
				name = fmt.Sprintf("%s/%06d.jpg", v.Name, i)
			}
			if err := add(picture{i + 1, 1, i, model.Round(p.At.Seconds(), 6), name, p.Width, p.Height}); err != nil {
				return err
			}
		}
		return nil
	})
	s.List("annotations", func(add func(any) error) error {
		n := 0
		return v.ByFrame(func(p annotate.Placed) error {
			x, y := model.Round(float64(p.X1), 2), model.Round(float64(p.Y1), 2)
			box := [4]float64{x, y, model.Round(float64(p.X2)-x, 2), model.Round(float64(p.Y2)-y, 2)}
			n++
			return add(annotation{
				ID: n, ImageID: p.Box.Frame + 1, VideoID: 1, Category: p.Phrase + 1, Track: p.ID,
				Box: box, Area: model.Round(box[2]*box[3], 2), Score: model.Round(float64(p.Score), 3),
			})
		})
	})
	return s.Close()
}
