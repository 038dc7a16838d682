package onnx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"deixis/camera"
	"deixis/model"
)

// A runner is a Grounder, or a stand-in for one.
type runner interface {
	Prepare(f *camera.Frame) error
	Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error)
	Close() error
}

// maxUnanswered is how many frames in a row may go without an answer: one is an
// accident, so many are a broken network.
const maxUnanswered = 10

// A Failover is a Grounder that goes on with the next provider when its own
// fails, as when a GPU falls out or runs out of memory: the frame at hand is
// answered by the next one, and only late. Where no provider is left, the frame
// is dropped and counted. Any goroutine may call it.
type Failover struct {
	open func(ctx context.Context, provider string) (runner, Chosen, error)
	log  *slog.Logger
	told rate.Sometimes // how often the log tells of frames without an answer

	switching sync.Mutex // held by the one who changes the provider

	mu        sync.Mutex // guards what follows, for a moment
	current   runner
	chosen    Chosen
	failed    []runner // given up; something may still run on them
	exhausted bool     // no provider is left to change to
	dropped   uint64   // frames without an answer
	row       int      // of them, since the last answer
}

// OpenFailover opens a Grounder as Open does, and others when it fails.
func OpenFailover(ctx context.Context, b *model.Bundle, o Options, log *slog.Logger) (*Failover, error) {
	open := func(ctx context.Context, provider string) (runner, Chosen, error) {
		o := o
		o.Provider = provider
		g, err := Open(ctx, b, o)
		if err != nil {
			return nil, Chosen{}, err
		}
		return g, g.Provider(), nil
	}
	first, chosen, err := open(ctx, o.Provider)
	if err != nil {
		return nil, err
	}
	return newFailover(first, chosen, open, log), nil
}

func newFailover(first runner, chosen Chosen, open func(context.Context, string) (runner, Chosen, error), log *slog.Logger) *Failover {
	return &Failover{open: open, log: log, told: rate.Sometimes{First: 1, Interval: time.Minute}, current: first, chosen: chosen}
}

// now is the runner of the moment, and whether no other is left.
func (s *Failover) now() (current runner, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.exhausted
}

// Provider says what runs the network now, and why the others do not.
func (s *Failover) Provider() Chosen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chosen
}

// Unanswered is how many frames had no answer, since the network failed on them
// and no other provider was left.
func (s *Failover) Unanswered() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Prepare is that of Grounder.
func (s *Failover) Prepare(f *camera.Frame) error {
	current, _ := s.now()
	return current.Prepare(f)
}

// Ground is that of Grounder. When the network fails and no provider is left
// that could run it, the error is a model.ErrNoAnswer: the next frame may well be
// answered. After ten such frames in a row it is an ErrRun alone, to end with.
func (s *Failover) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	for {
		current, _ := s.now()
		answers, err := current.Ground(ctx, f, phrases)
		if err == nil {
			s.answered()
			return answers, nil
		}
		if !errors.Is(err, ErrRun) {
			return nil, err
		}
		another, stopped := s.switchFrom(ctx, current, err)
		if stopped != nil {
			return nil, stopped
		}
		if !another {
			return nil, s.drop(f, err)
		}
	}
}

func (s *Failover) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.row = 0
}

// drop counts a frame without an answer and says what its error is.
func (s *Failover) drop(f *camera.Frame, cause error) error {
	s.mu.Lock()
	s.dropped++
	s.row++
	dropped, row := s.dropped, s.row
	s.mu.Unlock()
	if row >= maxUnanswered {
		return fmt.Errorf("%d frames in a row without an answer: %w (check the bundle with `deixis bundle verify`, the machine with `deixis doctor`)", row, cause)
	}
	s.told.Do(func() {
		s.log.Warn("a frame has no answer", "frame", f.Seq, "why", firstLine(cause), "unanswered", dropped)
	})
	return fmt.Errorf("%w: %w", model.ErrNoAnswer, cause)
}

// switchFrom opens the next provider that works in place of one that failed, and
// says whether there is one. Where there is none, what follows runs on the one
// that failed. Its error is ctx's.
func (s *Failover) switchFrom(ctx context.Context, failed runner, cause error) (another bool, err error) {
	s.switching.Lock()
	defer s.switching.Unlock()
	if current, last := s.now(); current != failed || last {
		return current != failed, nil // somebody else was faster, or there is none
	}
	name := s.Provider().Name
	reasons := append(slices.Clone(s.Provider().Reasons), name+": failed while running: "+firstLine(cause))
	rest := Providers[slices.Index(Providers, name)+1:]
	if len(rest) > 0 {
		s.log.Warn("provider failed", "provider", name, "why", firstLine(cause))
	}
	for _, next := range rest {
		opened, chosen, err := s.open(ctx, next)
		if ctx.Err() != nil {
			if err == nil {
				opened.Close()
			}
			return false, ctx.Err()
		}
		if err != nil {
			reasons = append(reasons, next+": "+firstLine(err))
			continue
		}
		chosen.Reasons = reasons
		s.mu.Lock()
		s.failed, s.current, s.chosen = append(s.failed, failed), opened, chosen
		s.mu.Unlock()
		s.log.Warn("the network goes on", "provider", next, "precision", chosen.Precision)
		return true, nil
	}
	s.mu.Lock()
	s.exhausted = true
	if len(rest) > 0 {
		s.chosen.Reasons = reasons
	}
	s.mu.Unlock()
	return false, nil
}

// Close frees everything native.
func (s *Failover) Close() error {
	s.switching.Lock()
	defer s.switching.Unlock()
	current, _ := s.now()
	err := current.Close()
	for _, r := range s.failed {
		err = errors.Join(err, r.Close())
	}
	s.failed = nil
	return err
}

// Grounder is the network as it runs now; it is the Failover's to close.
func (s *Failover) Grounder() *Grounder {
	current, _ := s.now()
	g, _ := current.(*Grounder)
	return g
}
