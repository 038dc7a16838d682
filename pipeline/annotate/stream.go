package annotate

import (
	"bufio"
	"encoding/json"
	"io"
)

// A Stream writes one JSON object member by member, so that a list of millions need not
// be held as a whole. The first error stays, and is that of Close.
type Stream struct {
	w   *bufio.Writer
	sep string // before the next member or item
	err error
}

// NewStream begins an object.
func NewStream(w io.Writer) *Stream { return &Stream{w: bufio.NewWriter(w), sep: "{"} }

func (s *Stream) put(text string) {
	if s.err == nil {
		_, s.err = s.w.WriteString(text)
	}
}

func (s *Stream) value(v any) {
	raw, err := json.Marshal(v)
	if s.err == nil {
		s.err = err
	}
	s.put(string(raw))
}

func (s *Stream) name(name string) {
	s.put(s.sep + "\n")
	s.value(name)
	s.put(":")
	s.sep = ","
}

// Member writes one member.
func (s *Stream) Member(name string, v any) {
	s.name(name)
	s.value(v)
}

// List writes a member that is a list, whose items each hands to add one by one. The
// errors of add are those of writing.
func (s *Stream) List(name string, each func(add func(item any) error) error) {
	s.name(name)
	sep := "["
	err := each(func(item any) error {
		s.put(sep + "\n")
		s.value(item)
		sep = ","
		return s.err
	})
	if s.err == nil {
		s.err = err
	}
	if sep == "[" {
		s.put("[")
	}
	s.put("]")
}

// Close ends the object.
func (s *Stream) Close() error {
	s.put("}\n")
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.err
}
