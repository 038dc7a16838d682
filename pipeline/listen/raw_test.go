package listen

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRaw(t *testing.T) {
	// 16384, -32768, 1 and half a sample
	const bytes = "\x00\x40\x00\x80\x01\x00\x07"
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(bytes),
		"byte by byte": iotest.OneByteReader(strings.NewReader(bytes)),
		"with the end": iotest.DataErrReader(strings.NewReader(bytes)),
	} {
		t.Run(name, func(t *testing.T) {
			s := NewRaw(r)
			defer s.Close()
			pcm, err := readAll(t, s, 2)
			if err != nil || len(pcm) != 3 || pcm[0] != 0.5 || pcm[1] != -1 || pcm[2] != 1./32768 {
				t.Errorf("%v, %v", pcm, err)
			}
		})
	}
}

func TestRawFails(t *testing.T) {
	broken := errors.New("broken")
	s := NewRaw(iotest.ErrReader(broken))
	defer s.Close()
	if _, err := s.Read(t.Context(), make([]float32, 8)); !errors.Is(err, broken) {
		t.Errorf("Read: %v", err)
	}
}

// A pipe that stays silent must not hold anybody.
func TestRawEndsByContextAndClose(t *testing.T) {
	r, w := io.Pipe()
	s := NewRaw(r)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Read(ctx, make([]float32, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("Read: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	<-s.ended
	for range 100 { // whichever of its reasons to end is looked at first
		if _, err := s.Read(t.Context(), make([]float32, 8)); !errors.Is(err, io.EOF) {
			t.Fatalf("Read after Close: %v", err)
		}
	}
	if _, err := w.Write([]byte{1, 2}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Close left the reader open: %v", err)
	}
}
