package queue

import (
	"fmt"
	"time"

	"deixis/camera"
	"deixis/pipeline/annotate"
)

// A Merger puts the results of a recording's ranges together, in their order: what it
// hands on is what one machine would have answered, frame by frame.
type Merger struct {
	Ref  camera.Ref
	Keep func(at camera.Place, a annotate.Answered) error // takes every frame

	at      camera.Place // of the frame kept last
	resumed bool         // at is of a run before this one, and may lie within a range
}

// GoOn says where a run before this one came to.
func (m *Merger) GoOn(at camera.Place) { m.at, m.resumed = at, at.Seq > 0 }

// Has says whether all of a range was kept by the run before this one.
func (m *Merger) Has(r Range) bool { return m.resumed && r.To > 0 && m.at.PTS >= r.To }

// Add keeps the frames of a result. One that does not begin where the one before it ended
// is ErrApart, and nothing of it is kept.
func (m *Merger) Add(from time.Duration, r *Reader) (*End, error) {
	isFile := m.Ref.Kind == camera.File
	within := m.resumed && from <= m.at.PTS && !same(r.Before, m.at)
	if isFile && !within && !same(r.Before, m.at) {
		return nil, fmt.Errorf("%q from %v: %w", m.Ref, from, ErrApart)
	}
	last := r.Before.Seq
	for {
		f, end, err := r.next()
		if err != nil || end != nil {
			return end, err
		}
		step := f.Seq - last
		last = f.Seq
		if within && f.PTS <= m.at.PTS {
			if f.PTS == m.at.PTS && f.Sum != m.at.Sum {
				return nil, fmt.Errorf("%q at frame %d: %w", m.Ref, m.at.Seq, camera.ErrChanged)
			}
			continue
		}
		m.resumed = false
		at := camera.Place{Seq: f.Seq, PTS: f.PTS, Sum: f.Sum}
		if isFile {
			at.Seq, f.File = m.at.Seq+step, m.Ref.Path
		}
		if n := int(f.Seq); m.Ref.Kind == camera.Images && n <= len(m.Ref.Paths) {
			f.File = m.Ref.Name(m.Ref.Paths[n-1])
		}
		if err := m.Keep(at, f.Answered); err != nil {
			return nil, err
		}
		m.at = at
	}
}

// same says whether two places hold the same frame.
func same(a, b camera.Place) bool {
	return (a.Seq > 0) == (b.Seq > 0) && a.PTS == b.PTS && a.Sum == b.Sum
}
