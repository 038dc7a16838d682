package main

import (
	"errors"
	"io"
	"syscall"
)

// quietly makes the end of who reads our events an ordinary end.
type quietly struct{ to io.Writer }

func (q quietly) Write(p []byte) (int, error) {
	n, err := q.to.Write(p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return n, io.EOF
	}
	return n, err
}
