package model

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular says that a name is no regular file: a named pipe or a device
// may block whoever opens it, for ever.
var ErrNotRegular = errors.New("not a regular file")

// OpenRegular opens a file for reading and never blocks: what is no regular
// file is an ErrNotRegular. The caller closes the file.
func OpenRegular(name string) (*os.File, error) {
	return openRegular(name, os.Stat, os.OpenFile)
}

// ReadRegular reads a file of at most limit bytes. Errors are those of
// OpenRegular, and one that says the limit.
func ReadRegular(name string, limit int64) ([]byte, error) {
	f, err := OpenRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return raw, nil
}

// openRegular looks before it opens, since opening a device can set it to
// work, and again after, since the file may have been replaced meanwhile;
// O_NONBLOCK keeps even that pipe from blocking.
func openRegular(name string, stat func(string) (fs.FileInfo, error), open func(string, int, fs.FileMode) (*os.File, error)) (*os.File, error) {
	before, err := stat(name)
	if err != nil {
		return nil, err
	}
	if err := regular(name, before); err != nil {
		return nil, err
	}
	f, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err == nil {
		err = regular(name, after)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func regular(name string, is fs.FileInfo) error {
	what := ""
	switch mode := is.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "is a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "is a named pipe"
	case mode&fs.ModeSocket != 0:
		what = "is a socket"
	default:
		what = "is a device"
	}
	return fmt.Errorf("%s %s: %w", name, what, ErrNotRegular)
}
