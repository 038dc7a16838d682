// Package audit keeps what a robot was told: a JSON line and the picture at each change
// of state, in a folder of bounded size.
package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"deixis/camera"
	"deixis/pipeline"
	"deixis/pipeline/robot"
)

// Options say where the log is and how large it may grow.
type Options struct {
	Dir    string
	Limit  int64 // bytes that the folder may hold
	Encode func(f *camera.Frame, quality int) ([]byte, error)
	Log    *slog.Logger // nil means slog.Default()
}

// A Line is one change of state. Version 1; fields are only ever added.
type Line struct {
	V       int            `json:"v"`
	Picture *string        `json:"picture"` // file beside the line; null where no picture came with the change
	Target  *robot.Message `json:"target"`
}

const (
	quality  = 85 // of the pictures, as JPEG
	waiting  = 16 // changes that may wait for the disk
	farewell = time.Second
)

// A Log is a robot.Keeper. Any goroutine may call its methods.
type Log struct {
	o     Options
	queue chan change

	mu      sync.Mutex
	free    []*camera.Frame // memory of frames that are written
	kept    uint64
	skipped uint64
	errors  uint64
	err     error // the newest; nil while it goes

	folder folder // belongs to Run
}

// A change waits to be written.
type change struct {
	frame   *camera.Frame // nil for none
	message *robot.Message
}

// Open makes the folder where it is missing.
func Open(o Options) (*Log, error) {
	l := &Log{o: o, queue: make(chan change, waiting), folder: folder{dir: o.Dir, limit: o.Limit}}
	l.o.Log = cmp.Or(o.Log, slog.Default())
	if err := l.folder.open(); err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	return l, nil
}

// Keep is part of robot.Keeper. When the disk is slower than the changes come, some
// are left out and counted.
func (l *Log) Keep(f *camera.Frame, m *robot.Message) {
	c := change{message: m}
	if f != nil && len(f.Pix) > 0 {
		if len(l.queue) == cap(l.queue) { // no copy for nothing
			l.skip()
			return
		}
		c.frame = l.memory()
		f.CopyTo(c.frame)
	}
	select {
	case l.queue <- c:
	default:
		l.skip()
	}
}

func (l *Log) skip() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.skipped++
}

// memory is a frame whose pixels nobody reads.
func (l *Log) memory() *camera.Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return &camera.Frame{}
	}
	f := l.free[n-1]
	l.free = l.free[:n-1]
	return f
}

// Run writes until ctx ends, and then what still waits, for a second at most. It
// returns nil.
func (l *Log) Run(ctx context.Context) error {
	for {
		select {
		case c := <-l.queue:
			l.write(c)
		case <-ctx.Done():
			for late := time.Now().Add(farewell); time.Now().Before(late); {
				select {
				case c := <-l.queue:
					l.write(c)
				default:
					return l.folder.close()
				}
			}
			return l.folder.close()
		}
	}
}

// write keeps one change. When its picture cannot be kept, its line is.
func (l *Log) write(c change) {
	var jpeg []byte
	var err error
	if c.frame != nil {
		if jpeg, err = l.o.Encode(c.frame, quality); err != nil {
			err = fmt.Errorf("encode picture: %w", err)
		}
	}
	line := Line{V: 1, Target: c.message}
	if len(jpeg) > 0 {
		name := fmt.Sprintf("%08d.jpg", c.message.Seq)
		if err = l.folder.picture(name, jpeg); err == nil {
			line.Picture = &name
		}
	}
	raw, failed := json.Marshal(&line)
	if failed == nil {
		failed = l.folder.line(append(raw, '\n'))
	}
	l.told(cmp.Or(failed, err))
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.frame != nil {
		l.free = append(l.free, c.frame)
	}
}

// told counts what came of a change and tells an error, once in a row.
func (l *Log) told(err error) {
	l.mu.Lock()
	before := l.err
	if l.err = err; err == nil {
		l.kept++
	} else {
		l.errors++
	}
	l.mu.Unlock()
	switch {
	case err != nil && before == nil:
		l.o.Log.Warn("audit log cannot be written and is tried with each change; the rest goes on", "dir", l.o.Dir, "err", err)
	case err == nil && before != nil:
		l.o.Log.Info("audit log is written again", "dir", l.o.Dir)
	}
}

// Close frees the log where Run has not done so.
func (l *Log) Close() error { return l.folder.close() }

// Stats says how the log is doing.
func (l *Log) Stats() pipeline.OutputStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := pipeline.OutputStats{Name: "audit", Shown: l.kept, Skipped: l.skipped, Errors: l.errors}
	if l.err != nil {
		s.Err = l.err.Error()
	}
	return s
}

// A folder holds numbered parts, each with its lines and pictures. The oldest go when
// all together are too large. It belongs to one goroutine.
type folder struct {
	dir   string
	limit int64

	part  string   // path of the newest; "" before the first
	lines *os.File // of it; nil before the first
	size  int64    // of the part
	end   int64    // of its lines
	total int64    // of all parts
}

// parts is how many parts share the limit.
const parts = 8

// linesName is the file of a part with its lines.
const linesName = "audit.jsonl"

func (d *folder) open() error {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	return d.next()
}

// next begins a part with the first number that is free, and makes room for it.
func (d *folder) next() error {
	if err := d.close(); err != nil {
		return err
	}
	olds, err := filepath.Glob(filepath.Join(d.dir, "[0-9]*", linesName)) // sorted, as Glob does
	if err != nil {
		return err
	}
	d.total = 0
	sizes := make([]int64, len(olds))
	number := 0
	for i, old := range olds {
		part := filepath.Dir(old)
		sizes[i] = sizeOf(part)
		d.total += sizes[i]
		if _, err := fmt.Sscanf(filepath.Base(part), "%d", &number); err != nil {
			return err
		}
	}
	for i := 0; i < len(olds) && d.total > d.limit-d.limit/parts; i++ {
		if err := os.RemoveAll(filepath.Dir(olds[i])); err != nil {
			return err
		}
		d.total -= sizes[i]
	}
	for {
		number++
		d.part = filepath.Join(d.dir, fmt.Sprintf("%06d", number))
		if err = os.Mkdir(d.part, 0o755); !os.IsExist(err) {
			break
		}
	}
	if err != nil {
		return err
	}
	d.lines, err = os.OpenFile(filepath.Join(d.part, linesName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	d.size, d.end = 0, 0
	return err
}

// sizeOf is how many bytes the files of a part have. What cannot be read counts as
// nothing.
func sizeOf(part string) (sum int64) {
	files, _ := os.ReadDir(part)
	for _, f := range files {
		if is, err := f.Info(); err == nil {
			sum += is.Size()
		}
	}
	return sum
}

// room begins another part where n bytes more are too many for this one.
func (d *folder) room(n int) error {
	if d.lines == nil || d.size > 0 && d.size+int64(n) > d.limit/parts {
		return d.next()
	}
	return nil
}

// picture writes a picture, whole or not at all.
func (d *folder) picture(name string, jpeg []byte) error {
	if err := d.room(len(jpeg)); err != nil {
		return err
	}
	file := filepath.Join(d.part, name)
	if err := os.WriteFile(file, jpeg, 0o644); err != nil {
		os.Remove(file)
		return err
	}
	d.size += int64(len(jpeg))
	return nil
}

// line appends a line, whole or not at all.
func (d *folder) line(raw []byte) error {
	if d.lines == nil {
		if err := d.next(); err != nil {
			return err
		}
	}
	if _, err := d.lines.WriteAt(raw, d.end); err != nil {
		d.lines.Truncate(d.end)
		return err
	}
	d.end += int64(len(raw))
	d.size += int64(len(raw))
	return nil
}

func (d *folder) close() error {
	if d.lines == nil {
		return nil
	}
	err := d.lines.Close()
	d.lines = nil
	return err
}
