package opencv

import (
	"testing"
	"time"
)

func TestWhenADeviceTookAPicture(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const clock = 1000 * time.Second
	for name, tt := range map[string]struct {
		buffered, clock time.Duration
		age             time.Duration // -1: nobody knows
	}{
		"a picture of 40 ms":     {clock - 40*time.Millisecond, clock, 40 * time.Millisecond},
		"just now":               {clock, clock, 0},
		"a wall clock's time":    {1_700_000_000 * time.Second, clock, -1},
		"counted from the start": {3 * time.Second, clock, -1},
		"no time at all":         {0, clock, -1},
		"no clock":               {clock, 0, -1},
	} {
		got := takenAt(tt.buffered, tt.clock, now)
		if want := now.Add(-tt.age); tt.age < 0 && !got.IsZero() || tt.age >= 0 && !got.Equal(want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if a, b := kernelClock(), kernelClock(); a < 0 || b < a {
		t.Errorf("the clock falls from %v to %v", a, b)
	}
}
