package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"

	"deixis/model"
	"deixis/model/refs"
	"deixis/pipeline/web"
)

// corrections saves what people correct in the trainer's format: a folder with
// refs.jsonl and the pictures beside it. Any goroutine may call it.
type corrections struct {
	dir string
	log *slog.Logger
}

// keep appends one line. A picture that several phrases share is saved once.
func (c *corrections) keep(said web.Correction) error {
	image, err := refs.SavePicture(c.dir, said.JPEG)
	if err != nil {
		return fmt.Errorf("save correction: %w (choose another folder with --corrections)", err)
	}
	line := refs.Ref{Image: image, Phrase: said.Phrase, Split: "train", Source: "correction"}
	if b := said.Box; b != nil {
		line.Box = &model.Box{X1: tenth(b.X1), Y1: tenth(b.Y1), X2: tenth(b.X2), Y2: tenth(b.Y2)}
	}
	file := filepath.Join(c.dir, "refs.jsonl")
	torn, err := refs.Append(context.Background(), file, line)
	if err != nil {
		return fmt.Errorf("save correction: %w (choose another folder with --corrections)", err)
	}
	if torn != "" {
		c.log.Warn("a torn last line was taken away", "file", file, "line", fmt.Sprintf("%.80q", torn))
	}
	return nil
}

// tenth is how exactly a hand corrects, pixels.
func tenth(x float32) float32 { return float32(math.Round(10*float64(x)) / 10) }
