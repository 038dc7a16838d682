package hang

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline only bounds a test that hangs.
const deadline = time.Minute

func wait[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(deadline):
		t.Fatal("waited in vain")
	}
	return v
}

func TestCallReturns(t *testing.T) {
	late := func(int) { t.Error("late after a call that was waited for") }
	for name, limit := range map[string]time.Duration{"no limit": 0, "a limit": deadline} {
		if v, err := Call(t.Context(), limit, func() (int, error) { return 7, nil }, late); v != 7 || err != nil {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	broken := errors.New("broken")
	if _, err := Call(t.Context(), 0, func() (int, error) { return 0, broken }, late); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestCallIsGivenUp(t *testing.T) {
	for name, tt := range map[string]struct {
		limit time.Duration
		stop  bool
		want  error
	}{
		"by its limit":    {time.Nanosecond, false, ErrSlow},
		"by the context":  {0, true, context.Canceled},
		"by either, stop": {deadline, true, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			goOn, late := make(chan struct{}), make(chan int, 1)
			_, err := Call(ctx, tt.limit, func() (int, error) {
				if tt.stop {
					stop()
				}
				<-goOn
				return 7, nil
			}, func(v int) { late <- v })
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			close(goOn)
			if v := wait(t, late); v != 7 {
				t.Errorf("late was handed %d", v)
			}
		})
	}
}

// TestLateWithoutValue: a call that fails after it was given up has nothing to
// close, and nobody need say what to do.
func TestLateWithoutValue(t *testing.T) {
	returned := make(chan struct{})
	goOn := make(chan struct{})
	_, err := Call(t.Context(), time.Nanosecond, func() (int, error) {
		defer close(returned)
		<-goOn
		return 0, errors.New("broken")
	}, func(int) { t.Error("late without a value") })
	if !errors.Is(err, ErrSlow) {
		t.Errorf("error %v", err)
	}
	if _, err := Call(t.Context(), time.Nanosecond, func() (int, error) { <-goOn; return 1, nil }, nil); !errors.Is(err, ErrSlow) {
		t.Errorf("error %v", err)
	}
	close(goOn)
	wait(t, returned)
}

func TestNotBegunWhenOver(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	begun := make(chan struct{}, 1)
	if _, err := Call(ctx, 0, func() (int, error) { begun <- struct{}{}; return 1, nil }, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(begun) > 0 {
		t.Error("the call was begun")
	}
}
