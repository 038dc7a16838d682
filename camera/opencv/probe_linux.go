package opencv

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

// probe opens a node and says what it can do, or why it gives no pictures.
func probe(node string) (modes []Mode, why string) {
	f, err := os.OpenFile(node, os.O_RDWR|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, "permission denied (add yourself to the group video)"
	case err != nil:
		return nil, "cannot be opened"
	}
	defer f.Close()
	return capabilities(func(request uintptr, arg []byte) error {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(&arg[0])))
		if errno != 0 {
			return errno
		}
		return nil
	})
}
