//go:build !unix

package main

import (
	"os"
	"syscall"
)

// staySignals is of use on Unix only.
func staySignals() {}

// endSignals are those that end the program in good order, its files finished.
func endSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// onTalk has no signal to wait for.
func onTalk(func()) (stop func()) { return func() {} }

// onReload has no signal to wait for: POST /api/reload does it.
func onReload(func()) (stop func()) { return func() {} }
