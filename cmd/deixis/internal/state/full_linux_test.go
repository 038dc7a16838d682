package state

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// A full disk costs the newest phrases, not those that it holds.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no disk of one's own to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	path, cup := filepath.Join(disk, "phrases.json"), []string{"the cup"}
	kept(t, path, nil, cup)
	if err := os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, 64<<10), 0o644); err == nil {
		t.Fatal("the disk is not full")
	}
	kept(t, path, nil, []string{"the dog"})
	if first := kept(t, path, nil); !slices.Equal(first, cup) {
		t.Errorf("looks for %q first, want %q", first, cup)
	}
	if left, err := filepath.Glob(filepath.Join(disk, ".*")); err != nil || len(left) > 0 {
		t.Errorf("half-written files are left: %q, %v", left, err)
	}
}
