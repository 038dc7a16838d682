//go:build unix

package record

import (
	"os/exec"
	"syscall"
)

// alone keeps the signals of a terminal from cmd: Ctrl-C ends this program, which
// then lets cmd finish.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
