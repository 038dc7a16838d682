package camera

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The sentinels of regular files that callers test with errors.Is.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("file too large")
)

// OpenRegular opens the file at path for reading and never blocks: a named pipe, a
// device, a socket or a folder is refused at once. The caller closes the file. The
// error names the path and the cause: fs.ErrNotExist, ErrNotRegular or that of the
// system.
func OpenRegular(path string) (*os.File, error) { return openRegular(path, os.Stat, os.OpenFile) }

// OpenRegularIn is OpenRegular below a folder that the name cannot leave, not by a
// link either.
func OpenRegularIn(root *os.Root, name string) (*os.File, error) {
	return openRegular(name, root.Stat, root.OpenFile)
}

// openRegular asks for the mode before it opens, since opening can have an effect of
// its own on a device, and again after, since the name may stand for another file by
// then; O_NONBLOCK keeps even that one from blocking.
func openRegular(path string, stat func(string) (fs.FileInfo, error), open func(string, int, fs.FileMode) (*os.File, error)) (*os.File, error) {
	info, err := stat(path)
	if err != nil {
		return nil, err
	}
	if err := checkRegular(path, info); err != nil {
		return nil, err
	}
	file, err := open(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	info, err = file.Stat()
	if err == nil {
		err = checkRegular(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// ReadRegular is what the file at path holds, at most most bytes. Its errors are
// those of OpenRegular, and ErrTooLarge.
func ReadRegular(path string, most int64) ([]byte, error) {
	file, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return readAll(file, path, info.Size(), most)
}

// readAll does not trust size: a file may grow while it is read.
func readAll(file io.Reader, path string, size, most int64) ([]byte, error) {
	if size > most {
		return nil, fmt.Errorf("%q has %d bytes, more than %d: %w", path, size, most, ErrTooLarge)
	}
	buf := make([]byte, 0, size+1) // one more, so that the end is met without growing
	for {
		n, err := file.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > most:
			return nil, fmt.Errorf("%q has more than %d bytes: %w", path, most, ErrTooLarge)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		case len(buf) == cap(buf):
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// checkRegular is nil for a regular file, and else an error that names path and what
// is there. It wraps ErrNotRegular.
func checkRegular(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%q is a %s: %w", path, modeName(info.Mode()), ErrNotRegular)
}

func modeName(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "folder"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
