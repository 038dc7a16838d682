//go:build unix

package main

import (
	"syscall"
	"testing"
	"time"
)

func TestOnTalk(t *testing.T) {
	talked := make(chan bool, 9)
	stop := onTalk(func() { talked <- true })
	for range 2 {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		select {
		case <-talked:
		case <-time.After(time.Minute):
			t.Fatal("a signal does nothing")
		}
	}
	stop()
}
