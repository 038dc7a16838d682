package opencv

import "time"

// longestBuffered bounds how old a picture from a device can be: a device keeps a few.
// What looks older is by another clock.
const longestBuffered = 5 * time.Second

// takenAt is when a device took a picture that is read at now: buffered is the time
// of its V4L2 buffer, which OpenCV gives as the position, and clock is the kernel's monotonic clock at
// now, by which most drivers stamp. It is zero where they do not agree: then nobody
// knows.
func takenAt(buffered, clock time.Duration, now time.Time) time.Time {
	age := clock - buffered
	if buffered <= 0 || clock <= 0 || age < 0 || age > longestBuffered {
		return time.Time{}
	}
	return now.Add(-age)
}
