//go:build unix

package camera

import "syscall"

// nonblock keeps open from waiting for the other end of a named pipe.
const nonblock = syscall.O_NONBLOCK
