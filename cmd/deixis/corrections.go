package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"

	"deixis/pipeline/web"
)

// corrections saves what people correct in the trainer's format: a folder with
// refs.jsonl and the pictures beside it. Any goroutine may call it.
type corrections struct {
	dir string
	mu  sync.Mutex
}

// A correction is one line of refs.jsonl.
type correction struct {
	Image  string      `json:"image"` // relative to the file's folder
	Phrase string      `json:"phrase"`
	Box    *[4]float64 `json:"box"` // x, y, width, height in pixels; null when it is not there
	Split  string      `json:"split"`
	Source string      `json:"source"`
}

// keep appends one line. A picture that several phrases share is saved once.
func (c *corrections) keep(said web.Correction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(said.JPEG)
	line := correction{
		Image: "pictures/" + hex.EncodeToString(sum[:8]) + ".jpg", Phrase: said.Phrase, Split: "train", Source: "correction",
	}
	if b := said.Box; b != nil {
		x, y := tenth(b.X1), tenth(b.Y1)
		line.Box = &[4]float64{x, y, tenth(b.X2) - x, tenth(b.Y2) - y}
		for i, v := range line.Box {
			line.Box[i] = math.Round(10*v) / 10
		}
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("save correction: %w", err)
	}
	if err := c.picture(filepath.Join(c.dir, line.Image), said.JPEG); err != nil {
		return fmt.Errorf("save correction: %w (choose another folder with --corrections)", err)
	}
	f, err := os.OpenFile(filepath.Join(c.dir, "refs.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("save correction: %w (choose another folder with --corrections)", err)
	}
	_, err = f.Write(append(raw, '\n'))
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("save correction: %w", err)
	}
	return nil
}

// picture writes a file that is whole or not there.
func (c *corrections) picture(path string, jpeg []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", jpeg, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

func tenth(x float32) float64 { return math.Round(10*float64(x)) / 10 }
