package opencv

import (
	"time"

	"golang.org/x/sys/unix"
)

// kernelClock is the kernel's monotonic clock; 0 where it cannot be read.
func kernelClock() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
