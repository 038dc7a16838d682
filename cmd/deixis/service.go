package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"deixis/camera/hang"
	"deixis/cmd/deixis/internal/service"
	"deixis/cmd/deixis/internal/state"
)

// stateFile is where what is looked for is kept over a restart; "" for nowhere. systemd
// names its folders in a variable, the first one first.
func (c *liveCmd) stateFile() string {
	if c.State != "" {
		return c.State
	}
	for _, dir := range filepath.SplitList(os.Getenv("STATE_DIRECTORY")) {
		return filepath.Join(dir, "phrases.json")
	}
	return ""
}

// openState says what is looked for first, given or as the last run left it. Phrases of
// a file that this bundle refuses are only logged.
func (s *show) openState(given []string) []string {
	path := s.flags.stateFile()
	if path == "" {
		return given
	}
	var first []string
	s.state, first = state.Open(path, given, s.g.Log)
	if _, err := s.asker.Phrases(first); err != nil {
		s.g.Log.Warn("the phrases of the last run are not looked for", "file", path, "why", err)
		return given
	}
	return first
}

// lastWrite is how long the end of a run waits for a disk.
const lastWrite = 5 * time.Second

// runState keeps what is looked for until ctx ends.
func (s *show) runState(ctx context.Context) error {
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.state.Run(ctx)
	}()
	<-ctx.Done()
	if _, err := hang.Wait(context.WithoutCancel(ctx), lastWrite, written); err != nil {
		s.g.Log.Warn("what was looked for last may not be kept: the disk does not answer", "file", s.flags.stateFile())
	}
	return nil
}

// runService tells the service manager how the line is doing until ctx ends.
func (s *show) runService(ctx context.Context) error {
	s.manager.Ready(s.ref.String())
	s.manager.Watch(ctx, s.look)
	s.manager.Stopping()
	return nil
}

// look is what the service manager's messages are made of.
func (s *show) look() service.Look {
	return service.Look{
		At: time.Now(), Done: s.line.Stats(), Phrases: s.line.Phrases(),
		Source: s.ref.String(), Away: s.lost(), Paused: s.gate.Paused(),
	}
}
