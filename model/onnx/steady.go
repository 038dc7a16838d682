package onnx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"deixis/camera"
	"deixis/model"
)

// A runner is a Grounder, or a stand-in for one.
type runner interface {
	Prepare(f *camera.Frame) error
	Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error)
	Provider() Chosen
	Close() error
}

// A Steady is a Grounder that goes on with the next provider when its own
// fails, as when a GPU falls out or runs out of memory: the frame at hand is
// answered by the next one, and only late. Any goroutine may call it.
type Steady struct {
	open func(ctx context.Context, provider string) (runner, error)
	log  *slog.Logger

	falling sync.Mutex // held by the one who changes the provider
	mu      sync.Mutex // held for a moment
	by      runner
	chosen  Chosen
	spent   []runner // those that failed; something may still run on them
}

// OpenSteady opens a Grounder as Open does, and others when it fails.
func OpenSteady(ctx context.Context, b *model.Bundle, o Options, log *slog.Logger) (*Steady, error) {
	open := func(ctx context.Context, provider string) (runner, error) {
		o := o
		o.Provider = provider
		g, err := Open(ctx, b, o)
		if err != nil {
			return nil, err
		}
		return g, nil
	}
	by, err := open(ctx, o.Provider)
	if err != nil {
		return nil, err
	}
	return &Steady{open: open, log: log, by: by, chosen: by.Provider()}, nil
}

// now is the runner of the moment.
func (s *Steady) now() runner {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by
}

// Provider says what runs the network now, and why the others do not.
func (s *Steady) Provider() Chosen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chosen
}

// Prepare is that of Grounder.
func (s *Steady) Prepare(f *camera.Frame) error { return s.now().Prepare(f) }

// Ground is that of Grounder. Its error is a graph's only when no provider is
// left that could run it.
func (s *Steady) Ground(ctx context.Context, f *camera.Frame, phrases []model.Phrase) ([]model.Answer, error) {
	for {
		by := s.now()
		answers, err := by.Ground(ctx, f, phrases)
		if !errors.Is(err, ErrRun) {
			return answers, err
		}
		if err := s.fallBack(ctx, by, err); err != nil {
			return nil, err
		}
	}
}

// fallBack opens the next provider that works in place of failed.
func (s *Steady) fallBack(ctx context.Context, failed runner, cause error) error {
	s.falling.Lock()
	defer s.falling.Unlock()
	if s.now() != failed {
		return nil // somebody else was faster
	}
	name := s.Provider().Name
	reasons := append(slices.Clone(s.Provider().Reasons), name+": failed while running: "+firstLine(cause))
	s.log.Warn("provider failed", "provider", name, "why", firstLine(cause))
	for _, next := range Providers[slices.Index(Providers, name)+1:] {
		by, err := s.open(ctx, next)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			reasons = append(reasons, next+": "+firstLine(err))
			continue
		}
		s.mu.Lock()
		s.spent, s.by, s.chosen = append(s.spent, failed), by, by.Provider()
		s.chosen.Reasons = reasons
		s.mu.Unlock()
		s.log.Warn("the network goes on", "provider", next, "precision", s.Provider().Precision)
		return nil
	}
	return fmt.Errorf("%w (no other provider is left)", cause)
}

// Close frees everything native.
func (s *Steady) Close() error {
	s.falling.Lock()
	defer s.falling.Unlock()
	err := s.now().Close()
	for _, by := range s.spent {
		err = errors.Join(err, by.Close())
	}
	s.spent = nil
	return err
}

// Grounder is the network as it runs now; it is Steady's to close.
func (s *Steady) Grounder() *Grounder {
	g, _ := s.now().(*Grounder)
	return g
}
