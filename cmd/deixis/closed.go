package main

import (
	"errors"
	"io"
	"syscall"
)

// closedIsEOF makes a pipe whose reader has left an ordinary end, io.EOF.
type closedIsEOF struct{ to io.Writer }

func (w closedIsEOF) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return n, io.EOF
	}
	return n, err
}
