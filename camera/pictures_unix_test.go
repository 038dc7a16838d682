//go:build unix

package camera

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestParseRefusesNamedPipes(t *testing.T) {
	t.Chdir(t.TempDir())
	touch(t, "f/a.png")
	for _, pipe := range []string{"pipe.png", "f/b.png"} {
		if err := syscall.Mkfifo(pipe, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Parse("pipe.png"); !errors.Is(err, ErrNoPicture) || !strings.Contains(err.Error(), "pipe.png") {
		t.Errorf("alone: %v, want ErrNoPicture", err)
	}
	r, err := Parse("f")
	if err != nil || !slices.Equal(r.Skipped, []string{"b.png (a named pipe)"}) || len(r.Paths) != 1 {
		t.Errorf("in a folder: %+v, %v", r, err)
	}
}
