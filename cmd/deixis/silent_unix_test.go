//go:build unix

package main

import (
	"os"
	"os/exec"
	"testing"
)

// TestWritesNothingUnasked: a run leaves nothing in the user's folders, as ONNX Runtime
// does where it counts for its makers. It suppresses that itself where it sees a CI.
func TestWritesNothingUnasked(t *testing.T) {
	b := network(t)
	home := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "point", picture(t), "red square", "--bundle", b.Dir)
	cmd.Dir = home
	cmd.Env = []string{"DEIXIS_AS_PROGRAM=1", "DEIXIS_ORT_LIBRARY=" + os.Getenv("DEIXIS_ORT_LIBRARY"), "HOME=" + home, "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left, err := os.ReadDir(home); len(left) > 0 || err != nil {
		t.Errorf("%v is left in the home folder, %v", left, err)
	}
}
