package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A Raw gives sound that comes as bare samples: signed 16 bits, little-endian,
// one channel, Rate a second.
type Raw struct {
	from   io.Reader
	pieces chan []byte // whole samples
	ended  chan struct{}
	err    error // why it ended; read after ended
	closed chan struct{}
	close  sync.Once
	rest   []byte
}

// NewRaw reads from r until it ends. Close closes r if it can be closed; until
// then a read that waits for more keeps its goroutine.
func NewRaw(r io.Reader) *Raw {
	s := &Raw{from: r, pieces: make(chan []byte), ended: make(chan struct{}), closed: make(chan struct{})}
	go s.pump()
	return s
}

// pump reads, so that Read need not wait longer than its context.
func (s *Raw) pump() {
	defer close(s.ended)
	var half []byte // a sample's first byte, when the second is still to come
	for {
		b := make([]byte, 2*Chunk)
		have := copy(b, half)
		n, err := s.from.Read(b[have:])
		n += have
		half = b[n-n%2 : n]
		if n > 1 {
			select {
			case s.pieces <- b[:n-n%2]:
			case <-s.closed:
				return
			}
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

// Read waits for some samples. io.EOF is the end of the stream.
func (s *Raw) Read(ctx context.Context, pcm []float32) (int, error) {
	if len(s.rest) == 0 {
		select {
		case s.rest = <-s.pieces:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-s.closed:
			return 0, io.EOF
		case <-s.ended:
			select {
			case <-s.closed: // what it ended with is that it was closed
				return 0, io.EOF
			default:
			}
			if s.err == nil || errors.Is(s.err, io.EOF) {
				return 0, io.EOF
			}
			return 0, fmt.Errorf("read raw sound: %w", s.err)
		}
	}
	n := min(len(pcm), len(s.rest)/2)
	Samples(pcm, s.rest[:2*n])
	s.rest = s.rest[2*n:]
	return n, nil
}

// Samples writes raw's samples, signed 16 bits and little-endian, to pcm.
func Samples(pcm []float32, raw []byte) {
	for i := range len(raw) / 2 {
		pcm[i] = float32(int16(binary.LittleEndian.Uint16(raw[2*i:]))) / (1 << 15)
	}
}

// Close ends the stream.
func (s *Raw) Close() error {
	var err error
	s.close.Do(func() {
		close(s.closed)
		if c, ok := s.from.(io.Closer); ok {
			err = c.Close()
		}
	})
	return err
}
