//go:build !linux

package opencv

import "time"

// kernelClock is no clock: the devices of other systems do not say when a picture was
// taken.
func kernelClock() time.Duration { return 0 }
