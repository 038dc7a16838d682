package model

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func pipe(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	return name
}

func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	write(t, file, []byte("six by"))
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, tt := range map[string]struct {
		file string
		want error
		says string
	}{
		"a file":      {file, nil, ""},
		"a link":      {link, nil, ""},
		"a folder":    {dir, ErrNotRegular, "is a directory"},
		"a pipe":      {pipe(t, dir), ErrNotRegular, "is a named pipe"}, // opening one blocks until somebody writes
		"a device":    {os.DevNull, ErrNotRegular, "is a device"},
		"a socket":    {socket, ErrNotRegular, "is a socket"},
		"nothing":     {filepath.Join(dir, "gone"), fs.ErrNotExist, "gone"},
		"not below a": {filepath.Join(file, "x"), syscall.ENOTDIR, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := ReadRegular(tt.file, 6)
			if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %v that says %q", err, tt.want, tt.says)
			}
			if err == nil && string(raw) != "six by" {
				t.Errorf("read %q", raw)
			}
		})
	}
	if _, err := ReadRegular(file, 5); err == nil || !strings.Contains(err.Error(), "more than 5 bytes") {
		t.Errorf("one byte too many: %v", err)
	}
}

// TestOpenRegularReplaced puts a pipe where the file was, between the look and
// the opening: without O_NONBLOCK the test would never end.
func TestOpenRegularReplaced(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, nil)
	stat := func(string) (fs.FileInfo, error) { return os.Stat(file) }
	if _, err := openRegular(pipe(t, dir), stat, os.OpenFile); !errors.Is(err, ErrNotRegular) {
		t.Errorf("error %v, want ErrNotRegular", err)
	}
}
