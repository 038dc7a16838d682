//go:build unix

package camera

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenRegularReplaced puts a pipe where the file was, between the look and
// the opening: without O_NONBLOCK the test would never end.
func TestOpenRegularReplaced(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	stat := func(string) (fs.FileInfo, error) { return os.Stat(file) }
	if _, err := openRegular(pipe, stat, os.OpenFile); !errors.Is(err, ErrNotRegular) {
		t.Errorf("error %v, want ErrNotRegular", err)
	}
}
