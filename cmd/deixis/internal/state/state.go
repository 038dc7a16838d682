// Package state keeps what is looked for in a file, so that a service that is started
// again looks for the same.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/google/renameio/v2"

	"deixis/camera"
)

// most bounds the file, bytes: a thousand phrases of a thousand letters.
const most = 1 << 20

// A File keeps phrases. A nil one keeps nothing. Keep may be called from any goroutine;
// Run belongs to one.
type File struct {
	path  string
	given []string // by the command line or its configuration
	log   *slog.Logger
	next  chan []string // the newest phrases that are not written yet, of capacity 1
	saved []string      // what the file says; belongs to Run
	known bool          // the file says saved
}

// content is the file's.
type content struct {
	Given   []string `json:"given"`   // what the program was started with
	Phrases []string `json:"phrases"` // what was looked for last
}

// Open reads the file path and says what is looked for first: what the file says, or
// given where the file says nothing or was written by a program that was given something
// else, since whoever has changed that wants it. A file that cannot be read is only
// logged; the next phrases replace it.
func Open(path string, given []string, log *slog.Logger) (*File, []string) {
	f := &File{path: path, given: given, log: log, next: make(chan []string, 1)}
	var was content
	raw, err := camera.ReadRegular(path, most)
	if err == nil {
		err = json.Unmarshal(raw, &was)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, given
	case err != nil:
		log.Warn("the phrases of the last run are not known", "why", fmt.Errorf("--state %s: %w", path, err))
		return f, given
	case !slices.Equal(was.Given, given):
		return f, given
	}
	f.saved, f.known = was.Phrases, true
	return f, was.Phrases
}

// Keep has phrases written by Run and never waits: a disk may.
func (f *File) Keep(phrases []string) {
	if f == nil {
		return
	}
	for {
		select {
		case f.next <- phrases:
			return
		default:
		}
		select {
		case <-f.next: // an older one
		default:
		}
	}
}

// Run writes what Keep gets until ctx ends, and then what is left. What cannot be
// written is only logged, once until it works again.
func (f *File) Run(ctx context.Context) {
	if f == nil {
		return
	}
	failed := false
	for over := false; !over; {
		var phrases []string
		select {
		case phrases = <-f.next:
		case <-ctx.Done():
			select {
			case phrases = <-f.next:
				over = true
			default:
				return
			}
		}
		failed = f.put(phrases, failed)
	}
}

// put writes phrases, and says whether that failed. before says that it failed before.
func (f *File) put(phrases []string, before bool) (failed bool) {
	err := f.write(phrases)
	if err != nil && !before {
		f.log.Warn("what is looked for is not kept for the next start; all else goes on", "why", fmt.Errorf("--state %s: %w", f.path, err))
	}
	return err != nil
}

// write replaces the file as a whole, so that a power cut leaves the old or the new one.
func (f *File) write(phrases []string) error {
	if f.known && slices.Equal(f.saved, phrases) {
		return nil
	}
	raw, err := json.Marshal(content{f.given, phrases})
	if err == nil {
		err = renameio.WriteFile(f.path, append(raw, '\n'), 0o644)
	}
	if err == nil {
		f.saved, f.known = slices.Clone(phrases), true
	}
	return err
}
