//go:build !unix

package main

// staySignals is of use on Unix only.
func staySignals() {}
