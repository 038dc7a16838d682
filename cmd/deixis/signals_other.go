//go:build !unix

package main

// staySignals is of use on Unix only.
func staySignals() {}

// onTalk has no signal to wait for.
func onTalk(func()) (stop func()) { return func() {} }
