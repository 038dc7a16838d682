//go:build unix

package camera

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReadRegular(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(file, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadRegular(file, 5); string(got) != "12345" || err != nil {
		t.Errorf("file: %q, %v", got, err)
	}
	for path, want := range map[string]error{
		pipe: ErrNotRegular, dir: ErrNotRegular, os.DevNull: ErrNotRegular, filepath.Join(dir, "none"): fs.ErrNotExist,
	} {
		if _, err := ReadRegular(path, 5); !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := ReadRegular(file, 4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("5 bytes of 4: %v", err)
	}
}

func TestReadRegularOfAFileThatGrows(t *testing.T) {
	if got, err := readAll(strings.NewReader("123456789"), "f", 2, 9); string(got) != "123456789" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := readAll(strings.NewReader("123456789"), "f", 2, 8); !errors.Is(err, ErrTooLarge) {
		t.Errorf("grown past the most: %v", err)
	}
}

func TestModeName(t *testing.T) {
	for want, m := range map[string]fs.FileMode{
		"folder": fs.ModeDir | 0o755, "named pipe": fs.ModeNamedPipe, "socket": fs.ModeSocket, "device": fs.ModeDevice | fs.ModeCharDevice,
		"special file": fs.ModeIrregular,
	} {
		if got := modeName(m); got != want {
			t.Errorf("%v is a %s, want %s", m, got, want)
		}
	}
}
