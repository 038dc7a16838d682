// Package queue cuts recordings into jobs that are answered anywhere, and puts their
// results together to what one machine would have answered. It knows no network: packages
// below it carry jobs and results (Queue).
package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"deixis/camera"
)

// Version of jobs and results: whoever takes one of another refuses it.
const Version = 1

// A Class is what answers depend on beside what is asked: two machines of the same class
// give the same bytes.
type Class struct {
	Program      string `json:"program"`
	Bundle       string `json:"bundle"`
	BundleSHA256 string `json:"bundle_sha256"`
	Provider     string `json:"provider"`
	Precision    string `json:"precision"`
	Instructions string `json:"instructions"`
	ONNXRuntime  string `json:"onnxruntime"`
	OpenCV       string `json:"opencv"`
}

// Any stands in a Class for whatever a worker has.
const Any = "any"

// AnyWorker is the class of all workers with the bundle of c.
func (c Class) AnyWorker() Class {
	return Class{
		Program: Any, Bundle: c.Bundle, BundleSHA256: c.BundleSHA256,
		Provider: Any, Precision: Any, Instructions: Any, ONNXRuntime: Any, OpenCV: Any,
	}
}

// Name is short, and the same for the same class alone.
func (c Class) Name() string { return hash(c) }

// Differs says in what c is not want; "" for nothing.
func (c Class) Differs(want Class) string {
	for _, f := range []struct{ name, is, want string }{
		{"bundle", c.Bundle + " " + short(c.BundleSHA256), want.Bundle + " " + short(want.BundleSHA256)},
		{"provider", c.Provider, want.Provider},
		{"precision", c.Precision, want.Precision},
		{"instructions", c.Instructions, want.Instructions},
		{"ONNX Runtime", c.ONNXRuntime, want.ONNXRuntime},
		{"OpenCV", c.OpenCV, want.OpenCV},
		{"program", c.Program, want.Program},
	} {
		if f.is != f.want && f.want != Any {
			return fmt.Sprintf("%s %q instead of %q", f.name, f.is, f.want)
		}
	}
	return ""
}

func short(digest string) string { return digest[:min(8, len(digest))] }

// hash tells values apart.
func hash(values ...any) string {
	raw, _ := json.Marshal(values) // structs of strings and numbers
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:12])
}

// A Task is what the jobs of one recording have in common.
type Task struct {
	Version   int        `json:"v"`
	Class     Class      `json:"class"`
	Key       string     `json:"key"` // of what is asked and of the recording's bytes
	Ref       camera.Ref `json:"ref"` // as whoever submits it names it
	Dir       string     `json:"dir"` // absolute: where relative paths in Ref begin
	Bytes     int64      `json:"bytes"`
	Uploaded  []string   `json:"uploaded,omitempty"` // names in the store, by file of Ref; none: the files are at the same paths
	Folder    string     `json:"folder,omitempty"`   // absolute: where results go; "": into the store
	Phrases   []string   `json:"phrases"`
	Every     int        `json:"every"`
	FPS       float64    `json:"fps"`
	MaxPixels int        `json:"max_pixels"`
}

// Name is the same for the same task alone.
func (t *Task) Name() string { return hash(t) }

// A Range is a part of a recording, times from its first frame. To 0 means to the end.
type Range struct {
	From  time.Duration `json:"from"`
	To    time.Duration `json:"to"`
	Whole bool          `json:"whole,omitempty"` // decoded from the recording's beginning
}

// String is the range as people read it.
func (r Range) String() string {
	if r.To == 0 {
		return fmt.Sprintf("%v to the end", r.From)
	}
	return fmt.Sprintf("%v to %v", r.From, r.To)
}

// A Job is a range of a task. Its ID is the same for the same answers: whoever submits it
// twice, or from elsewhere, submits one job.
type Job struct {
	ID     string `json:"id"`
	Class  string `json:"class"`            // Class.Name
	Task   string `json:"task"`             // Task.Name
	Folder string `json:"folder,omitempty"` // Task.Folder
	Range

	// After is the place up to which the range is answered already, where who submits it
	// answers it, too, and Answered how many frames that are. Of every so many frames after
	// it, SumEvery, the last has its checksum, which costs reading all its pixels; 0: each.
	After    camera.Place `json:"-"`
	Answered int          `json:"-"`
	SumEvery int          `json:"-"`
}

// Job makes that of a range.
func (t *Task) Job(r Range) Job {
	class := t.Class.Name()
	return Job{ID: hash(Version, class, t.Key, r), Class: class, Task: t.Name(), Folder: t.Folder, Range: r}
}

// Cut divides a recording that is about so long into ranges of part each. Where its length
// is not what it says, the last range is longer, or some are empty.
func Cut(long, part time.Duration) []Range {
	var all []Range
	for from := time.Duration(0); from == 0 || part > 0 && from+part/4 < long; from += part {
		if n := len(all); n > 0 {
			all[n-1].To = from
		}
		all = append(all, Range{From: from})
		if part <= 0 {
			break
		}
	}
	return all
}

// The errors that callers test for.
var (
	ErrApart   = errors.New("it does not begin where the one before it ended") // a result; Range.Whole mends it
	ErrDead    = errors.New("a job failed too often")
	ErrVersion = errors.New("made by another version of this program")
)
