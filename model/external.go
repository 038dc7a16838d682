package model

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrExternal says that a graph wants data of a file that the bundle does not
// vouch for.
var ErrExternal = errors.New("graph reads a file that is not hashed")

// A message is a kind of ONNX protobuf message on the way to external data.
// Fields that lead nowhere are skipped.
type message int

const (
	modelProto message = iota
	graphProto
	nodeProto
	attributeProto
	tensorProto
	sparseTensorProto
	functionProto
	trainingInfoProto
	entryProto // StringStringEntryProto of TensorProto.external_data
	entryKey   // its strings
	entryValue
)

// fields are the field numbers of onnx.proto3 that lead to external data.
var fields = map[message]map[protowire.Number]message{
	modelProto:        {7: graphProto, 20: trainingInfoProto, 25: functionProto},
	graphProto:        {1: nodeProto, 5: tensorProto, 15: sparseTensorProto},
	nodeProto:         {5: attributeProto},
	attributeProto:    {5: tensorProto, 6: graphProto, 10: tensorProto, 11: graphProto, 22: sparseTensorProto, 23: sparseTensorProto},
	tensorProto:       {13: entryProto},
	sparseTensorProto: {1: tensorProto, 2: tensorProto},
	functionProto:     {7: nodeProto, 11: attributeProto},
	trainingInfoProto: {1: graphProto, 2: graphProto},
	entryProto:        {1: entryKey, 2: entryValue},
}

// Bounds of the walk. Graphs nest by the subgraphs of If, Loop and Scan; four
// messages lie between two of them.
const (
	maxDepth     = 100     // of messages in each other, as protobuf's own readers
	maxLocation  = 4096    // bytes of a file name
	maxLocations = 100_000 // external tensors of a graph
)

// A scanner walks the wire format of an ONNX file without keeping any of it.
type scanner struct {
	in        *bufio.Reader
	left      int64 // in the message at hand
	locations map[string]bool
	tensors   int
}

// externalData are the files whose data an ONNX graph uses beside its own, as
// the graph names them: relative to its folder. It reads r to its end.
func externalData(r io.Reader, size int64) (map[string]bool, error) {
	s := &scanner{in: bufio.NewReaderSize(r, 1<<16), left: size, locations: map[string]bool{}}
	if err := s.walk(modelProto, 0); err != nil {
		return nil, fmt.Errorf("not an ONNX graph: %w", err)
	}
	return s.locations, nil
}

// walk reads a message of s.left bytes.
func (s *scanner) walk(kind message, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("more than %d messages in each other", maxDepth)
	}
	var key, value string
	for s.left > 0 {
		tag, err := s.varint()
		if err != nil {
			return err
		}
		number, wire := protowire.DecodeTag(tag)
		if number < protowire.MinValidNumber || number > protowire.MaxValidNumber {
			return fmt.Errorf("field number %d", number)
		}
		inner, leads := fields[kind][number]
		switch {
		case !leads || wire != protowire.BytesType: // a known number of another wire type is an unknown field
			err = s.skip(wire)
		case inner == entryKey:
			key, err = s.text()
		case inner == entryValue:
			value, err = s.text()
		default:
			err = s.within(inner, depth+1)
		}
		if err != nil {
			return err
		}
	}
	if kind == entryProto && key == "location" {
		s.locations[value] = true
		if s.tensors++; s.tensors > maxLocations {
			return fmt.Errorf("more than %d tensors in other files", maxLocations)
		}
	}
	return nil
}

// within walks a length-delimited message inside the one at hand.
func (s *scanner) within(kind message, depth int) error {
	n, err := s.length()
	if err != nil {
		return err
	}
	after := s.left - n
	s.left = n
	if err := s.walk(kind, depth); err != nil {
		return err
	}
	s.left = after
	return nil
}

// length is how many bytes of the message at hand come next.
func (s *scanner) length() (int64, error) {
	n, err := s.varint()
	if err != nil {
		return 0, err
	}
	if n > uint64(s.left) {
		return 0, fmt.Errorf("a field of %d bytes where %d are left", n, s.left)
	}
	return int64(n), nil
}

func (s *scanner) text() (string, error) {
	n, err := s.length()
	if err != nil {
		return "", err
	}
	if n > maxLocation {
		return "", fmt.Errorf("a name of %d bytes", n)
	}
	raw := make([]byte, n)
	_, err = io.ReadFull(s.in, raw)
	s.left -= n
	return string(raw), err
}

func (s *scanner) varint() (uint64, error) {
	head, err := s.in.Peek(int(min(s.left, 10))) // no varint is longer
	if err != nil {
		return 0, fmt.Errorf("it ends too early: %w", err)
	}
	v, n := protowire.ConsumeVarint(head)
	if n < 0 {
		return 0, protowire.ParseError(n)
	}
	return v, s.discard(int64(n))
}

// skip passes over a field's value. Groups, which ONNX never had, are refused.
func (s *scanner) skip(wire protowire.Type) error {
	switch wire {
	case protowire.VarintType:
		_, err := s.varint()
		return err
	case protowire.Fixed32Type:
		return s.discard(4)
	case protowire.Fixed64Type:
		return s.discard(8)
	case protowire.BytesType:
		n, err := s.length()
		if err != nil {
			return err
		}
		return s.discard(n)
	}
	return fmt.Errorf("wire type %d", wire)
}

func (s *scanner) discard(n int64) error {
	if n > s.left {
		return fmt.Errorf("a field of %d bytes where %d are left", n, s.left)
	}
	s.left -= n
	for n > 0 { // Discard takes an int, which may have 32 bits
		some, err := s.in.Discard(int(min(n, 1<<30)))
		if err != nil {
			return fmt.Errorf("it ends too early: %w", err)
		}
		n -= int64(some)
	}
	return nil
}

// unhashed is one of the locations, relative to the folder of graph, that known
// does not list, if there is one.
func unhashed(graph string, locations map[string]bool, known func(name string) bool) (location string, is bool) {
	for location := range locations {
		name := path.Join(path.Dir(filepath.ToSlash(graph)), location)
		if location == "" || path.IsAbs(location) || !filepath.IsLocal(name) || !known(name) {
			return location, true
		}
	}
	return "", false
}
