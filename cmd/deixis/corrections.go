package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"sync"

	"deixis/model"
	"deixis/model/refs"
	"deixis/pipeline/web"
)

// corrections saves what people correct in the trainer's format: a folder with
// refs.jsonl and the pictures beside it. Any goroutine may call it.
type corrections struct {
	dir   string
	limit int64 // bytes that the folder may hold
	log   *slog.Logger

	mu   sync.Mutex
	size int64 // of the folder, at most; 0 when it is not known
}

// lineSize is how many bytes a line of refs.jsonl has at most: a phrase may be
// 2000, and each may be written as an escape of six.
const lineSize = 16 << 10

// keep appends one line. A picture that several phrases share is saved once.
func (c *corrections) keep(said web.Correction) error {
	if err := c.room(int64(len(said.JPEG)) + lineSize); err != nil {
		return err
	}
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

// room takes n bytes of what the folder may hold, or is web.ErrFull.
func (c *corrections) room(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size == 0 || c.size+n > c.limit {
		c.size = folderSize(c.dir) // less than was taken, and somebody may have made room
	}
	if c.size+n > c.limit {
		return fmt.Errorf("save correction: %w: %s holds %d MB of %d (move it away, name another with --corrections, or allow more with --corrections-limit MB)",
			web.ErrFull, c.dir, c.size>>20, c.limit>>20)
	}
	c.size += n
	return nil
}

// folderSize is how many bytes the files of a folder have. What cannot be read,
// or is gone by then, counts as nothing.
func folderSize(dir string) (sum int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if is, err := d.Info(); err == nil {
			sum += is.Size()
		}
		return nil
	})
	return sum
}

// tenth is how exactly a hand corrects, pixels.
func tenth(x float32) float32 { return float32(math.Round(10*float64(x)) / 10) }
