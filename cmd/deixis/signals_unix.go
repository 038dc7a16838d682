//go:build unix

package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// staySignals keeps signals from ending or stopping the program. Whoever
// reads our events may leave: then a write fails, and the files are still
// finished. A program in the background may not read the keyboard: then there
// are no typed phrases, and it goes on. A service may be told to reload before it has
// begun, or while it ends.
func staySignals() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGUSR1, syscall.SIGUSR2)
}

// endSignals are those that end the program in good order, its files finished. A
// hang-up that is ignored, as nohup does, stays ignored. Ctrl-\\ (SIGQUIT) ends it
// as Ctrl-C does; a trace of all goroutines is printed by SIGABRT.
func endSignals() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// onTalk calls talk for each SIGUSR1, as a robot's button may send it, until the function
// that it returns is called.
func onTalk(talk func()) (stop func()) { return on(syscall.SIGUSR1, talk) }

// onReload calls reload for each SIGUSR2 in the same way.
func onReload(reload func()) (stop func()) { return on(syscall.SIGUSR2, reload) }

func on(sig os.Signal, do func()) (stop func()) {
	rang, over := make(chan os.Signal, 4), make(chan struct{})
	signal.Notify(rang, sig)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-rang:
				do()
			case <-over:
				return
			}
		}
	})
	return func() {
		signal.Ignore(sig) // after Stop it would end the program
		close(over)
		running.Wait()
	}
}
