//go:build unix && !linux

package child

import (
	"errors"
	"os"
)

func executable() (string, error) { return os.Executable() }

// memoryFile is a file whose name is gone at once.
func memoryFile() (*os.File, error) {
	f, err := os.CreateTemp("", "deixis-frames-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// resident is unknown here, so that no limit of memory is kept.
func resident(int) int64 { return 0 }
