// Package segment keeps what was answered on a recording in files of some frames each,
// so that a run that is killed goes on with the frame after the last whole file.
//
// A file is a gob of its frames, followed by the CRC-32C of that, little-endian. It gets
// its name once its bytes are on the disk.
package segment

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"deixis/camera"
	"deixis/pipeline/annotate"
)

// Frames is how many frames a segment has, but for the last of a recording. It is what a
// run loses that is killed.
const Frames = 128

// A part is what one file holds.
type part struct {
	Key    string // of the run
	Number int
	Frames []annotate.Answered
	Place  camera.Place // of its last frame
	End    *End         // of the recording; nil where more follows
}

// End is how a recording ended.
type End struct {
	Says string // the error; "" for none
}

// Store keeps the segments of one recording in a folder. It belongs to one goroutine.
type Store struct {
	dir, key string
	most     int // frames of a segment
	done     int // whole segments
	now      part
	place    camera.Place // after the whole segments
	end      *End
}

// Open makes the folder where it is missing, and finds the whole segments in it: those
// of the same key, from the first to the one before the first that lacks. New ones get
// so many frames each; 0 means Frames.
func Open(dir, key string, frames int) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder of segments: %w", err)
	}
	s := &Store{dir: dir, key: key, most: cmp.Or(max(0, frames), Frames)}
	for s.end == nil {
		p, err := s.read(s.done)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return nil, err
		}
		s.done++
		s.place, s.end = p.Place, p.End
	}
	return s, nil
}

// Place is after the last frame of the whole segments; zero where there is none.
func (s *Store) Place() camera.Place { return s.place }

// End is how the recording ended; nil where it was not read to its end.
func (s *Store) End() *End { return s.end }

// Add keeps one more frame and what was answered on it. A whole segment is written.
func (s *Store) Add(f *camera.Frame, a annotate.Answered) error {
	at := camera.Place{Seq: f.Seq, PTS: f.PTS}
	if len(s.now.Frames)+1 == s.most {
		at.Sum = f.Checksum()
	}
	return s.AddAt(at, a)
}

// AddAt is Add for a frame that is at a place, and was read elsewhere.
func (s *Store) AddAt(at camera.Place, a annotate.Answered) error {
	s.now.Frames = append(s.now.Frames, a)
	if len(s.now.Frames) < s.most {
		return nil
	}
	s.now.Place = at
	return s.write()
}

// Finish writes what is left, with how the recording ended.
func (s *Store) Finish(e End) error {
	s.now.End = &e
	return s.write()
}

// write makes a file of the frames that are not in one.
func (s *Store) write() error {
	s.now.Key, s.now.Number = s.key, s.done
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&s.now); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	raw := binary.LittleEndian.AppendUint32(b.Bytes(), crc32.Checksum(b.Bytes(), castagnoli))
	if err := renameio.WriteFile(s.file(s.done), raw, 0o644); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	s.done++
	s.place, s.end = s.now.Place, s.now.End
	clear(s.now.Frames)
	s.now = part{Frames: s.now.Frames[:0]}
	return nil
}

// All is every frame of the whole segments, in order.
func (s *Store) All() iter.Seq2[annotate.Answered, error] {
	return func(yield func(annotate.Answered, error) bool) {
		for n := range s.done {
			p, err := s.read(n)
			if err != nil {
				yield(annotate.Answered{}, err)
				return
			}
			for _, a := range p.Frames {
				if !yield(a, nil) {
					return
				}
			}
		}
	}
}

// Remove removes the folder and all in it.
func (s *Store) Remove() error { return os.RemoveAll(s.dir) }

func (s *Store) file(n int) string { return filepath.Join(s.dir, fmt.Sprintf("%06d.segment", n)) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn says that a file is no whole segment of this run.
var errTorn = errors.New("not a whole segment of this run")

func (s *Store) read(n int) (p part, err error) {
	raw, err := os.ReadFile(s.file(n))
	if err != nil {
		return p, fmt.Errorf("read segment: %w", err)
	}
	torn := fmt.Errorf("read segment %s: %w", s.file(n), errTorn)
	body := len(raw) - 4
	if body < 0 || binary.LittleEndian.Uint32(raw[body:]) != crc32.Checksum(raw[:body], castagnoli) {
		return p, torn
	}
	if err := gob.NewDecoder(bytes.NewReader(raw[:body])).Decode(&p); err != nil || p.Key != s.key || p.Number != n {
		return p, torn
	}
	return p, nil
}
