// Package hang bounds calls that may never return: a native library that opens
// a device or loads a file takes no context.
package hang

import (
	"context"
	"errors"
	"time"
)

// ErrSlow says that a call did not return within its limit.
var ErrSlow = errors.New("no answer in time")

// Call runs fn in a goroutine of its own and waits for it, for ctx and for
// limit, whichever is first; a limit of 0 is none. Its errors are fn's, ctx's
// and ErrSlow.
//
// A call that is given up cannot be stopped: it goes on, and when fn returns
// without an error, late is handed the value, so that what was opened can be
// closed. late may be nil.
func Call[T any](ctx context.Context, limit time.Duration, fn func() (T, error), late func(T)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	type result struct {
		value T
		err   error
	}
	done, givenUp := make(chan result), make(chan struct{})
	go func() {
		v, err := fn()
		select {
		case done <- result{v, err}:
		case <-givenUp:
			if err == nil && late != nil {
				late(v)
			}
		}
	}()
	r, err := Wait(ctx, limit, done)
	if err != nil {
		close(givenUp)
		return zero, err
	}
	return r.value, r.err
}

// Wait waits for c, for ctx and for limit, whichever is first; a limit of 0 is none.
// Its errors are ctx's and ErrSlow. It is for who owns the goroutine that calls, and
// comes back for the value later.
func Wait[T any](ctx context.Context, limit time.Duration, c <-chan T) (T, error) {
	var zero T
	var slow <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		slow = t.C
	}
	select {
	case v := <-c:
		return v, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-slow:
		return zero, ErrSlow
	}
}
