// Package depth says how far away what lies in a box is, by a depth picture beside
// the picture: from a folder, from a stream of PNGs, or from a topic of ROS.
package depth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"deixis/camera"
	"deixis/camera/rosbridge"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/robot"
)

// Options say where depth pictures come from.
type Options struct {
	Source    string // a folder of PNGs, tcp://HOST:PORT or ros://HOST:9090/TOPIC
	MaxPixels int    // of one picture; 0 means DefaultMaxPixels

	Rosbridge rosbridge.Options // how the server of a topic is talked to; its URL is not looked at
	// Header is how the source of the pictures stamped the one that came at at, where it is
	// a topic of ROS, too; nil for other sources.
	Header func(at time.Time) (rosbridge.Header, bool)
	Log    *slog.Logger // nil means slog.Default()
}

// DefaultMaxPixels is more than any depth camera has.
const DefaultMaxPixels = 50_000_000

// A shot is a depth picture that is not decoded yet.
type shot struct {
	number int       // counts shots, from 1
	at     time.Time // when it came
	stamp  time.Time // by its publisher's clock; zero where it has none
	format string    // as in CompressedImage
	data   []byte
}

// A Meter is a robot.Ranger. Run may be called beside its methods.
type Meter struct {
	o      Options
	folder *folder // nil for what comes live

	mu    sync.Mutex
	shots [shotsKept]shot // of what comes live
	came  int

	number  int // of the shot that picture is of
	picture *Picture
	told    string // newest reason why a picture is of no use
}

const (
	shotsKept = 16
	// How far off the time of a depth picture may be: by the same clock, and by when both came.
	mostByStamp   = 50 * time.Millisecond
	mostByArrival = 150 * time.Millisecond
)

// Open looks where depth pictures come from. What comes live is read by Run.
func Open(o Options) (*Meter, error) {
	m := &Meter{o: o}
	m.o.Log, m.o.MaxPixels = cmp.Or(o.Log, slog.Default()), cmp.Or(o.MaxPixels, DefaultMaxPixels)
	scheme, _, address := strings.Cut(o.Source, "://")
	switch {
	case !address:
		var err error
		m.folder, err = openFolder(o.Source)
		return m, err
	case scheme == "tcp":
		return m, checkTCP(o.Source)
	case scheme == "ros" || scheme == "ross":
		_, _, err := rosbridge.ParseSource(o.Source)
		return m, err
	}
	return nil, errors.New("not a folder, tcp://HOST:PORT or ros://HOST:9090/TOPIC")
}

// Run reads what comes live until ctx ends, and connects as often as it must. It returns
// nil.
func (m *Meter) Run(ctx context.Context) error {
	read := m.readTopic
	switch {
	case m.folder != nil:
		return nil
	case strings.HasPrefix(m.o.Source, "tcp://"):
		read = m.readTCP
	}
	const first, last = 500 * time.Millisecond, 5 * time.Second
	failing := false
	for pause := first; ctx.Err() == nil; pause = min(2*pause, last) {
		before := m.count()
		err := read(ctx)
		if m.count() > before {
			pause, failing = first, false
		}
		if !failing && ctx.Err() == nil {
			failing = true
			m.o.Log.Warn("no depth comes, trying again; the rest goes on", "source", m.o.Source, "why", err)
		}
		if camera.Sleep(ctx, pause) != nil {
			return nil
		}
	}
	return nil
}

func (m *Meter) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came
}

// put keeps a depth picture that came.
func (m *Meter) put(s shot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.came++
	s.number = m.came
	m.shots[m.came%shotsKept] = s
}

// nearest is the depth picture that was taken with the picture that came at at: by their
// stamps where both have one, else by when they came.
func (m *Meter) nearest(at time.Time) (best shot, ok bool) {
	wanted, most := at, mostByArrival
	byStamp := false
	if m.o.Header != nil {
		var h rosbridge.Header
		if h, byStamp = m.o.Header(at); byStamp {
			wanted, most = h.Stamp.Time(), mostByStamp
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.shots {
		when := s.at
		if byStamp {
			when = s.stamp
		}
		if off := when.Sub(wanted).Abs(); s.number > 0 && off <= most {
			best, most, ok = s, off, true
		}
	}
	return best, ok
}

// Prepare is part of robot.Ranger.
func (m *Meter) Prepare(f *camera.Frame, v *pipeline.View) {
	s, ok := shot{}, false
	if m.folder != nil {
		s, ok = m.folder.of(f, v)
	} else {
		s, ok = m.nearest(cmp.Or(v.At, f.At))
	}
	if !ok {
		m.number, m.picture = 0, nil
		return
	}
	if s.number == m.number {
		return
	}
	var err error
	m.number = s.number
	if m.folder != nil {
		s.data, err = m.folder.read(s.number, m.o.MaxPixels)
	}
	if err == nil {
		m.picture, err = decode(s.data, s.format, m.o.MaxPixels)
	}
	if err != nil {
		m.picture = nil
		m.tell(fmt.Sprintf("a depth picture cannot be read and is passed over, as others will be: %v", err))
	}
}

// Range is part of robot.Ranger. A depth picture of another size than the picture is of
// no use: it was taken from another place, or through another lens.
func (m *Meter) Range(box model.Box, w, h int) (robot.Range, bool) {
	p := m.picture
	if p == nil {
		return robot.Range{}, false
	}
	if p.Width != w || p.Height != h {
		m.tell(fmt.Sprintf("depth pictures have %dx%d pixels and pictures %dx%d: they must be registered to each other (depth aligned to colour), pixel by pixel", p.Width, p.Height, w, h))
		return robot.Range{}, false
	}
	return p.Range(box)
}

// tell warns of each reason once in a row.
func (m *Meter) tell(why string) {
	if m.told != why {
		m.told = why
		m.o.Log.Warn("messages have no depth", "source", m.o.Source, "why", why)
	}
}
