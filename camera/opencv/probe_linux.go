package opencv

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

// From linux/videodev2.h: the request for struct v4l2_capability, of 104
// bytes, and what is read of it.
const (
	vidiocQuerycap    = 0x80685600
	capabilitiesAt    = 84
	deviceCapsAt      = 88
	capVideoCapture   = 0x00000001
	capVideoCaptureMP = 0x00001000
	capDeviceCaps     = 0x80000000
)

// probe says why a node gives no pictures; "" when it does. A webcam often has
// a second node that carries only its metadata.
func probe(node string) string {
	f, err := os.OpenFile(node, os.O_RDWR|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "permission denied (add yourself to the group video)"
	case err != nil:
		return "cannot be opened"
	}
	defer f.Close()
	var answer [104]byte
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), vidiocQuerycap, uintptr(unsafe.Pointer(&answer)))
	if errno != 0 {
		return "not a video device"
	}
	caps := binary.NativeEndian.Uint32(answer[capabilitiesAt:])
	if caps&capDeviceCaps != 0 {
		caps = binary.NativeEndian.Uint32(answer[deviceCapsAt:])
	}
	if caps&(capVideoCapture|capVideoCaptureMP) == 0 {
		return "carries no pictures (metadata or output)"
	}
	return ""
}
