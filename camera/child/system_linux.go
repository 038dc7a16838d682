package child

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// executable is right even after an update has replaced the program's file.
func executable() (string, error) { return "/proc/self/exe", nil }

// memoryFile is a file without a name that lives in memory.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("frames", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "frames"), nil
}

// resident is the memory that a process holds, bytes; 0 unknown.
func resident(pid int) int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages int64
	fmt.Sscan(string(raw), &size, &pages)
	return pages * int64(os.Getpagesize())
}
