// Package runfile holds run.json, which says what a run of annotate was asked, with what
// it answers, and how far each of its inputs is. Nothing in it depends on when that was.
package runfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"deixis/camera"
)

// Name is that of the file.
const Name = "run.json"

const version = 1

// The errors that callers test for.
var (
	ErrOther = errors.New("another run was written there")
	ErrBusy  = errors.New("another run is being written there")
)

// Settings are what results depend on. A run goes on only where all of them are the same.
type Settings struct {
	Program      string   `json:"program"`
	Bundle       string   `json:"bundle"`
	BundleSHA256 string   `json:"bundle_sha256"` // of bundle.json, which has those of all graphs
	Provider     string   `json:"provider"`
	Precision    string   `json:"precision"`
	Instructions string   `json:"instructions"` // of the processor: they decide how sums are rounded
	ONNXRuntime  string   `json:"onnxruntime"`
	OpenCV       string   `json:"opencv"`
	Phrases      []string `json:"phrases"`
	Formats      []string `json:"formats"`
	Every        int      `json:"every"`
	FPS          float64  `json:"fps"`
	CloseGap     string   `json:"close_gap"`
	LeastTrack   string   `json:"least_track"`
	Stills       string   `json:"stills"`
	Sequence     bool     `json:"sequence"`
	MaxPixels    int      `json:"max_pixels"`
	Fixes        string   `json:"fixes"` // SHA-256 of the file of judgements; "" for none
}

// The states of an input.
const (
	Open   = "open"   // its segments may be there, its results are not
	Done   = "done"   // its results are whole, of all that could be read
	Failed = "failed" // nothing of it can be read
)

// Input is one recording, or one folder of pictures.
type Input struct {
	Name     string    `json:"name"`   // of its results, without extension
	Source   string    `json:"source"` // as given
	SHA256   string    `json:"sha256"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	State    string    `json:"state"`
	Error    string    `json:"error,omitempty"`
	Frames   int       `json:"frames"`
	Seconds  float64   `json:"seconds"`
	Files    []string  `json:"files"`
	Tracks   []Track   `json:"tracks"`
}

// Track is what is told of one in a summary.
type Track struct {
	ID     int     `json:"track"`
	Phrase string  `json:"phrase"`
	Start  float64 `json:"start"` // seconds from the first frame
	End    float64 `json:"end"`
	Boxes  int     `json:"boxes"`
	Score  float64 `json:"score"`  // mean
	Unsure float64 `json:"unsure"` // share of its boxes that the live lock would call unsure
	Worst  float64 `json:"worst"`  // seconds: its box of the least score
	Stills []Still `json:"stills"` // to judge it by
}

// Still is one frame of a track.
type Still struct {
	What   string     `json:"what"` // start, middle, end or least sure
	Frame  int        `json:"frame"`
	Time   float64    `json:"time"` // seconds from the first frame
	Width  int        `json:"width"`
	Height int        `json:"height"`
	Box    [4]float64 `json:"box"` // corners, pixels
}

type contents struct {
	Version  int      `json:"v"`
	Settings Settings `json:"settings"`
	Review   string   `json:"review,omitempty"` // a page that the run wrote
	Inputs   []Input  `json:"inputs"`
}

// valid says whether names are such as runs give: what they name lies in the folder.
func (c *contents) valid() bool {
	taken := map[string]bool{}
	for _, in := range c.Inputs {
		if taken[in.Name] || !plain(in.Name) || slices.ContainsFunc(in.Files, func(name string) bool { return !plain(name) }) {
			return false
		}
		taken[in.Name] = true
	}
	return c.Version == version
}

func plain(name string) bool {
	return name != "" && name != "." && filepath.IsLocal(name) && !strings.ContainsAny(name, `/\`)
}

// read reads the file of a folder. Its error is ErrOther where it is none of ours.
func read(dir string) (c contents, err error) {
	file := filepath.Join(dir, Name)
	raw, err := camera.ReadRegular(file, 1<<30)
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if wrong := d.Decode(&c); wrong != nil || !c.valid() {
		return contents{}, fmt.Errorf("%s: %w", file, ErrOther)
	}
	return c, nil
}

// Results are the files and folders of a run that was written into a folder; nil where
// there is none.
func Results(dir string) []string {
	c, err := read(dir)
	if err != nil {
		return nil
	}
	names := []string{Name}
	for _, in := range c.Inputs {
		names = append(names, in.Files...)
	}
	return names
}

// File is an open run.json, locked against other runs. Goroutines may share it.
type File struct {
	dir  string
	lock *flock.Flock

	mu    sync.Mutex
	has   contents
	fresh bool // there was none
}

// OpenIn opens that of a folder, and makes the folder where it is missing. Errors are
// ErrBusy, ErrOther for a file that is none of ours, unless a run begins anew, and the
// file system's.
func OpenIn(dir string, anew bool) (*File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	f := &File{dir: dir, lock: flock.New(dir, flock.SetFlag(os.O_RDONLY))}
	ok, err := f.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock folder %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w", dir, ErrBusy)
	}
	if f.has, err = read(dir); errors.Is(err, fs.ErrNotExist) || anew && errors.Is(err, ErrOther) {
		f.fresh, err = true, nil
	}
	if err = errors.Join(err, removeUnfinished(dir)); err != nil {
		return nil, errors.Join(err, f.lock.Close())
	}
	return f, nil
}

// removeUnfinished removes what a run left that was killed as it wrote the file: its name
// with a number.
func removeUnfinished(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "."+Name)
		if ok && number != "" && strings.Trim(number, "0123456789") == "" {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func (f *File) path() string { return filepath.Join(f.dir, Name) }

// Fresh says that nothing was there before.
func (f *File) Fresh() bool { return f.fresh }

// Clear forgets what the file said, and returns the names of the files that it told of.
func (f *File) Clear() (names []string) {
	for _, in := range f.has.Inputs {
		names = append(names, in.Files...)
	}
	f.has, f.fresh = contents{Review: f.has.Review}, true
	return names
}

// Reviewed says whether a page is one that the run wrote.
func (f *File) Reviewed(page string) bool { return f.has.Review == page }

// Review notes that the run writes a page.
func (f *File) Review(page string) error {
	f.has.Review = page
	return f.Put()
}

// Settings are those of the run that the file tells of.
func (f *File) Settings() Settings { return f.has.Settings }

// Begin takes the settings of this run. Where the file holds others, the error is an
// ErrOther that names the first that differs.
func (f *File) Begin(s Settings) error {
	if f.fresh {
		f.has.Version, f.has.Settings = version, s
		return nil
	}
	if differs := difference(f.has.Settings, s); differs != "" {
		return fmt.Errorf("%s: %s: %w", f.path(), differs, ErrOther)
	}
	return nil
}

// difference is the first of the settings that is not the same, in words.
func difference(a, b Settings) string {
	as, bs := fields(a), fields(b)
	for i := range as {
		if !bytes.Equal(as[i].value, bs[i].value) {
			return fmt.Sprintf("%s was %s and is %s now", as[i].name, short(as[i].value), short(bs[i].value))
		}
	}
	return ""
}

func short(raw []byte) string {
	const most = 120
	if r := []rune(string(raw)); len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(raw)
}

type field struct {
	name  string
	value json.RawMessage
}

// fields are the members of s as JSON, in their order.
func fields(s Settings) []field {
	raw, _ := json.Marshal(s) // strings, numbers and lists of them
	d := json.NewDecoder(bytes.NewReader(raw))
	d.Token()
	var all []field
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		d.Decode(&value)
		all = append(all, field{name.(string), value})
	}
	return all
}

// Inputs are copies of all.
func (f *File) Inputs() []Input {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.has.Inputs)
}

// Of is what is known of a source; false for nothing.
func (f *File) Of(source string) (Input, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.has.Inputs, func(in Input) bool { return in.Source == source })
	if i < 0 {
		return Input{}, false
	}
	return f.has.Inputs[i], true
}

// Put keeps what is known of inputs, and writes the file.
func (f *File) Put(ins ...Input) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range ins {
		i := slices.IndexFunc(f.has.Inputs, func(old Input) bool { return old.Source == in.Source })
		if i < 0 {
			f.has.Inputs = append(f.has.Inputs, in)
		} else {
			f.has.Inputs[i] = in
		}
	}
	raw, err := json.MarshalIndent(f.has, "", " ")
	if err == nil {
		err = renameio.WriteFile(f.path(), append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path(), err)
	}
	return nil
}

// Close gives the folder back to other runs.
func (f *File) Close() error { return f.lock.Close() }
