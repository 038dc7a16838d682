//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// staySignals keeps two signals from ending or stopping the program. Whoever
// reads our events may leave: then a write fails, and the files are still
// finished. A program in the background may not read the keyboard: then there
// are no typed phrases, and it goes on.
func staySignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGTTIN) }
