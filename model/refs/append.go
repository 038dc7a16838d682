package refs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"deixis/camera"
)

// ErrBusy says that another program has kept the file locked.
var ErrBusy = errors.New("another program is writing it")

// lockWait is how long Append waits for other writers: a line takes
// milliseconds.
const (
	lockWait  = 10 * time.Second
	lockRetry = 5 * time.Millisecond
)

// Append adds lines to the end of a file, all of them or none, and returns when
// they are on the disk. The file is made if there is none. Programs that append
// at the same time wait for each other.
//
// A last line that an earlier crash or a full disk has cut short would swallow
// the next one, and readers refuse both. Append takes it away and returns it as
// torn, so that the caller can tell of it. A last line that only lacks its end
// gets one.
//
// Errors are ErrLine, ErrBusy, ctx's, camera.ErrNotRegular and the file
// system's; the file is then as long as it was.
func Append(ctx context.Context, file string, rs ...Ref) (torn string, err error) {
	var lines []byte
	for i := range rs {
		line, err := encode(&rs[i])
		if err != nil {
			return "", fmt.Errorf("append to %s: expression %d: %w", file, i+1, err)
		}
		lines = append(lines, line...)
	}
	f, err := openAppend(file)
	if err != nil {
		return "", fmt.Errorf("append expressions: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("append to %s: %w", file, e)
		}
	}()
	unlock, err := lock(ctx, file, lockWait)
	if err != nil {
		return "", fmt.Errorf("append to %s: %w", file, err)
	}
	defer unlock()
	last, size, err := lastLine(f)
	if err == nil {
		torn, err = appendTo(f, size, last, lines)
	}
	if err != nil {
		return "", fmt.Errorf("append to %s: %w", file, err)
	}
	return torn, nil
}

// openAppend opens a file for reading and writing, and no pipe or device.
func openAppend(file string) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	is, err := f.Stat()
	if err == nil && !is.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", file, camera.ErrNotRegular)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lock keeps other programs from appending until unlock, which the kernel does,
// too, when a program ends.
func lock(ctx context.Context, file string, wait time.Duration) (unlock func() error, err error) {
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	l := flock.New(file)
	if _, err := l.TryLockContext(waiting, lockRetry); err != nil {
		if ctx.Err() == nil && waiting.Err() != nil {
			err = ErrBusy
		}
		return nil, errors.Join(err, l.Close())
	}
	return l.Close, nil
}

// A target is the file to append to; a test's may have a full disk under it.
type target interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
}

// appendTo mends the end of f, size bytes with a last line that has no end, and
// writes lines there. When that fails, f is cut back to whole lines.
func appendTo(f target, size int64, last, lines []byte) (torn string, err error) {
	if torn, err = judge(last); err != nil {
		return "", err
	}
	switch {
	case torn != "":
		size -= int64(len(last))
		if err := f.Truncate(size); err != nil {
			return "", fmt.Errorf("take away its torn last line: %w", err)
		}
	case len(last) > 0:
		lines = append([]byte("\n"), lines...)
	}
	_, err = f.WriteAt(lines, size)
	if err == nil {
		err = f.Sync() // some file systems tell of a full disk only now
	}
	if err == nil {
		return torn, nil
	}
	if e := errors.Join(f.Truncate(size), f.Sync()); e != nil {
		return "", fmt.Errorf("%w; and what was written of the line could not be taken back: %w", err, e)
	}
	return "", err
}

// lastLine is what follows the last line end of f, mostly nothing.
func lastLine(f *os.File) (last []byte, size int64, err error) {
	is, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	size = is.Size()
	tail := make([]byte, min(size, maxLine+1))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return nil, 0, err
	}
	last = tail[bytes.LastIndexByte(tail, '\n')+1:]
	if len(last) > maxLine {
		return nil, 0, fmt.Errorf("%w: its last line has more than %d bytes (is it a refs.jsonl?)", ErrLine, maxLine)
	}
	return last, size, nil
}

// judge says whether a line without an end is torn: the beginning of an
// expression, or zeros, which some file systems leave after a crash. What never
// was one is an ErrLine: the file is somebody else's.
func judge(last []byte) (torn string, err error) {
	if len(bytes.TrimSpace(last)) == 0 {
		return "", nil
	}
	if _, err := parse(last); err == nil {
		return "", nil
	}
	if begun := bytes.Trim(last, "\x00"); len(begun) > 0 && begun[0] != '{' {
		return "", fmt.Errorf("%w: its last line is %.40q (is it a refs.jsonl?)", ErrLine, begun)
	}
	return string(last), nil
}
