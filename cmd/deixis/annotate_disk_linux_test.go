package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// TestAnnotateFullDisk: on a disk that is full, soon or late, a run says so in a line, and
// goes on once there is room, to the same bytes.
func TestAnnotateFullDisk(t *testing.T) {
	noDesktop(t)
	args := longRun(t)
	unbroken := t.TempDir()
	must(t, append(args, unbroken)...)
	want := tree(t, unbroken)
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("no disk of one's own to fill: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	out := filepath.Join(disk, "out")
	for _, left := range []int64{0, 8 << 10, 40 << 10, 7 << 20} { // no room for run.json, a segment, labels, the video
		ballast := filepath.Join(disk, "ballast")
		var free syscall.Statfs_t
		if err := syscall.Statfs(disk, &free); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ballast, make([]byte, int64(free.Bavail)*free.Bsize-left), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, errs := deixis(t, append(args, out)...)
		if code != app.ExitFailed || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "no space left") && !strings.Contains(errs, "disk full") {
			t.Errorf("%d bytes left: code %d, %s", left, code, errs)
		}
		t.Logf("%d bytes left: %s", left, errs)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	must(t, append(args, out)...)
	sameTree(t, tree(t, out), want)
}
