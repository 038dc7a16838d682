// Package outfile opens the files that a run leaves behind, so that a run that
// ends early, or a second one beside it, costs nobody a file.
//
// Create writes NAME.part.EXT beside NAME.EXT, and Commit gives it its name: what
// stood there is replaced only by a file that is whole. Grow writes under the name
// itself, for readers that follow a file as it grows; what stood there is kept
// under a number. Either holds a lock until it is closed, which the kernel takes
// back from a program that is killed.
package outfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"deixis/camera"
	"deixis/camera/hang"
)

// ErrBusy says that another output, of this program or of another one, is being
// written under the same name.
var ErrBusy = errors.New("another output is being written there")

// File is an output that is being written. It belongs to one goroutine.
type File struct {
	*os.File        // what is written; Close closes it and leaves it as it is
	path     string // absolute, links followed
	locks    []*flock.Flock
}

// Create opens the part file of path. A part file that a run before has left is
// kept under a number, and log names it; nil means slog.Default(). Errors are
// ErrBusy, camera.ErrNotRegular and the file system's.
func Create(path string, log *slog.Logger) (*File, error) {
	full, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &File{path: full}
	if is, err := os.Stat(full); err == nil {
		if !is.Mode().IsRegular() {
			return nil, fmt.Errorf("%s: %w", path, camera.ErrNotRegular)
		}
		if err := f.lock(full); err != nil { // which Grow holds
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.unlock())
		}
	}
	part := PartOf(full)
	for {
		if err := f.lock(part); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.unlock())
		}
		is, err := os.Stat(part)
		if err == nil && is.Size() == 0 {
			break
		}
		var kept string
		if err == nil {
			kept, err = moveAside(part)
		}
		if err != nil {
			return nil, errors.Join(err, f.unlock())
		}
		cmp.Or(log, slog.Default()).Warn("an earlier run ended before this output was whole; what it had written is kept", "output", path, "kept", kept)
		if err := f.drop(); err != nil {
			return nil, errors.Join(err, f.unlock())
		}
	}
	f.File, err = os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, f.unlock())
	}
	return f, nil
}

// Grow opens path for output that others may read as it grows. A named pipe or a
// device is opened as it is; a pipe waits for its reader until ctx ends. Errors are
// ErrBusy, ctx's and the file system's.
func Grow(ctx context.Context, path string, log *slog.Logger) (*File, error) {
	full, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if is, err := os.Stat(full); err == nil && !is.Mode().IsRegular() {
		pipe, err := hang.Call(ctx, 0, func() (*os.File, error) { return os.OpenFile(full, os.O_WRONLY, 0) }, func(p *os.File) { p.Close() })
		return &File{File: pipe, path: full}, err
	}
	f := &File{path: full}
	for {
		busy := flock.New(PartOf(full), flock.SetFlag(os.O_RDWR)) // what Create holds
		ok, err := busy.TryLock()
		if err = errors.Join(err, busy.Close()); !ok && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrBusy), err)
		}
		if err := f.lock(full); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.unlock())
		}
		is, err := os.Stat(full)
		if err == nil && is.Size() == 0 {
			break
		}
		var kept string
		if err == nil {
			kept, err = moveAside(full)
		}
		if err == nil {
			cmp.Or(log, slog.Default()).Info("an earlier output is kept under another name", "output", path, "kept", kept)
			err = f.drop()
		}
		if err != nil {
			return nil, errors.Join(err, f.unlock())
		}
	}
	f.File, err = os.OpenFile(full, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, f.unlock())
	}
	return f, nil
}

// PartOf is the name that path has until it is whole: a.part.mp4 of a.mp4.
func PartOf(path string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + ".part" + ext
}

// Part is the file's name until Commit.
func (f *File) Part() string { return PartOf(f.path) }

// Commit closes the part file and gives it its name, once its bytes are on the
// disk. When that fails, the part file stays.
func (f *File) Commit() error {
	err := errors.Join(f.Sync(), f.File.Close())
	if err == nil {
		err = os.Rename(f.Part(), f.path)
	}
	if err == nil {
		err = onDisk(filepath.Dir(f.path)) // or a power cut takes the name back
	}
	return errors.Join(err, f.unlock())
}

// SyncAll returns once a folder and all in it is on the disk.
func SyncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return onDisk(path)
	})
}

// onDisk returns once what is called path is on the disk. Not every file system can tell
// that of a folder.
func onDisk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// Discard removes the part file.
func (f *File) Discard() error { return errors.Join(f.File.Close(), os.Remove(f.Part()), f.unlock()) }

// Close closes what was written and leaves it as it is: a part file stays one.
func (f *File) Close() error { return errors.Join(f.File.Close(), f.unlock()) }

// resolve makes path absolute and follows its links, so that one file has one name.
func resolve(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(full))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(full)), nil
}

// lock locks path, which is made where it is missing.
func (f *File) lock(path string) error {
	for {
		l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
		ok, err := l.TryLock()
		if err != nil {
			return errors.Join(err, l.Close())
		}
		if !ok {
			return errors.Join(ErrBusy, l.Close())
		}
		locked, err := l.Stat()
		if err != nil {
			return errors.Join(err, l.Close())
		}
		// Between opening and locking, who held it may have given the file another name.
		if now, err := os.Stat(path); err == nil && os.SameFile(locked, now) {
			f.locks = append(f.locks, l)
			return nil
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
}

// drop gives the newest lock back.
func (f *File) drop() error {
	last := len(f.locks) - 1
	err := f.locks[last].Close()
	f.locks = f.locks[:last]
	return err
}

func (f *File) unlock() error {
	var errs []error
	for len(f.locks) > 0 {
		errs = append(errs, f.drop())
	}
	return errors.Join(errs...)
}

// moveAside renames path to the first name with a number that is free: a.1.jsonl of
// a.jsonl. A link is made first, because renaming would replace a file that another
// program puts there meanwhile.
func moveAside(path string) (string, error) {
	ext := filepath.Ext(path)
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s.%d%s", strings.TrimSuffix(path, ext), n, ext)
		err := os.Link(path, to)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			return to, os.Remove(path)
		}
		if _, missing := os.Lstat(to); !errors.Is(missing, fs.ErrNotExist) {
			continue
		}
		return to, os.Rename(path, to) // a file system without links
	}
}
