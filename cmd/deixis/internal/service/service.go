// Package service tells the service manager that started the program how it is doing,
// by the protocol of systemd's sd_notify(3).
package service

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"deixis/camera/hang"
)

// A Manager is the service manager at the other end of $NOTIFY_SOCKET. A nil one is
// told nothing. Its methods may be called from any goroutine; none waits longer than
// its limit for a manager that does not read.
type Manager struct {
	log   *slog.Logger
	every time.Duration // between two looks of Watch
	limit time.Duration // of one message: a socket whose reader hangs is full one day
}

const sendLimit = time.Second

// looks is how often Watch looks at the line within the manager's limit, so that
// one look that finds nothing new, as of a slow network, ends no service.
const looks = 4

// lookEvery is the time between two looks where the manager watches nothing.
const lookEvery = 10 * time.Second

// Find is the manager; nil when the program was started by a person or by a manager
// that wants no messages.
func Find(log *slog.Logger) *Manager {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil
	}
	m := &Manager{log: log, every: lookEvery, limit: sendLimit}
	limit, err := daemon.SdWatchdogEnabled(false)
	switch {
	case err != nil:
		log.Warn("the service manager's watchdog gets no sign of life", "why", err)
	case limit > 0:
		m.every = limit / looks
	}
	return m
}

// Ready says that the start is done, with status as its first word.
func (m *Manager) Ready(status string) { m.send(daemon.SdNotifyReady, statusOf(status)) }

// Stopping says that the program ends in good order.
func (m *Manager) Stopping() { m.send(daemon.SdNotifyStopping) }

// Reload says that settings are read again while do reads them.
func (m *Manager) Reload(do func() error) error {
	m.send(daemon.SdNotifyReloading, strings.TrimSuffix(daemon.SdNotifyMonotonicUsec(), "\n"))
	err := do()
	m.send(daemon.SdNotifyReady)
	return err
}

// Watch looks at the line, with look, until ctx ends: it tells what it finds, and that
// the program is alive when the line is.
func (m *Manager) Watch(ctx context.Context, look func() Look) {
	if m == nil {
		return
	}
	t := time.NewTicker(m.every)
	defer t.Stop()
	m.watch(ctx, t.C, look)
}

func (m *Manager) watch(ctx context.Context, ticks <-chan time.Time, look func() Look) {
	p := Pulse{before: look()}
	for {
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
		alive, status := p.Judge(look())
		if alive {
			m.send(daemon.SdNotifyWatchdog, statusOf(status))
		} else {
			m.send(statusOf(status))
			m.log.Warn("the line does not move; the service manager gets no sign of life", "why", status)
		}
	}
}

// statusOf is one line: a phrase may hold whatever was typed, and a new line would
// begin another message.
func statusOf(text string) string { return "STATUS=" + strings.Join(strings.Fields(text), " ") }

// send sends one message of several assignments; what cannot be told is only logged.
func (m *Manager) send(lines ...string) {
	if m == nil {
		return
	}
	_, err := hang.Call(context.Background(), m.limit, func() (bool, error) {
		return daemon.SdNotify(false, strings.Join(lines, "\n"))
	}, nil)
	if err != nil {
		m.log.Warn("the service manager is not told", "message", lines[0], "err", fmt.Errorf("write to $NOTIFY_SOCKET: %w", err))
	}
}
