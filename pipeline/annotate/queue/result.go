package queue

import (
	"bufio"
	"encoding/gob"
	"fmt"
	"io"

	"deixis/camera"
	"deixis/pipeline/annotate"
)

// A Frame is one frame of a range, and what was answered on it.
type Frame struct {
	annotate.Answered
	Seq uint64 // counts on from Head.Before
	Sum uint32 // its camera.Frame.Checksum; 0 where Job.SumEvery leaves it out
}

// Head begins a result.
type Head struct {
	Version int
	ID      string       // of the job
	Before  camera.Place // of the frame before the range; zero where there is none
	Jumped  bool         // the range was jumped into
	Frames  int          // of the whole recording, about; 0 unknown
}

// End is how a range ended.
type End struct {
	Ended bool   // with the end of the recording
	Says  string // the error that it ended with; "" for none
}

// A record is one value in a result: a gob stream of a Head, records of frames, and one
// of the End, without which a result is torn.
type record struct {
	Frame *Frame
	End   *End
}

// A Writer writes a result. It belongs to one goroutine.
type Writer struct {
	enc    *gob.Encoder
	id     string
	every  int // Job.SumEvery
	begun  bool
	Frames int // so far
}

// NewWriter makes one for a job's result. What is written to it arrives at w at once.
func NewWriter(w io.Writer, j Job) *Writer {
	return &Writer{enc: gob.NewEncoder(w), id: j.ID, every: max(1, j.SumEvery)}
}

// Begin writes what is known before the first frame: h without its Version and ID.
func (w *Writer) Begin(h Head) error {
	if w.begun {
		return nil
	}
	w.begun = true
	h.Version, h.ID = Version, w.id
	return w.enc.Encode(h)
}

// Add writes one more frame, after Begin.
func (w *Writer) Add(f *camera.Frame, a annotate.Answered) error {
	w.Frames++
	one := Frame{Answered: a, Seq: f.Seq}
	if w.Frames%w.every == 0 {
		one.Sum = f.Checksum()
	}
	return w.enc.Encode(record{Frame: &one})
}

// Finish writes how the range ended.
func (w *Writer) Finish(e End) error { return w.enc.Encode(record{End: &e}) }

// A Reader reads a result.
type Reader struct {
	Head
	dec *gob.Decoder
}

// NewReader reads the head of a job's result.
func NewReader(r io.Reader, id string) (*Reader, error) {
	rd := &Reader{dec: gob.NewDecoder(bufio.NewReader(r))}
	if err := rd.dec.Decode(&rd.Head); err != nil {
		return nil, fmt.Errorf("read result %s: %w", id, err)
	}
	if rd.Version != Version || rd.ID != id {
		return nil, fmt.Errorf("read result %s: %w", id, ErrVersion)
	}
	return rd, nil
}

// next is the next frame, or the end.
func (r *Reader) next() (*Frame, *End, error) {
	var one record
	if err := r.dec.Decode(&one); err != nil {
		return nil, nil, fmt.Errorf("read result %s: it is torn: %w", r.ID, err)
	}
	if one.Frame == nil && one.End == nil {
		return nil, nil, fmt.Errorf("read result %s: %w", r.ID, ErrVersion)
	}
	return one.Frame, one.End, nil
}
