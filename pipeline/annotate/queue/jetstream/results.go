package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/nats-io/nats.go/jetstream"

	"deixis/pipeline/annotate/queue"
)

// results are where those of jobs lie, by a job's ID, from when they are done until they
// are merged.
type results interface {
	has(ctx context.Context, id string) (bool, error)
	put(ctx context.Context, id, file string) error
	get(ctx context.Context, id, file string) (bool, error)
	remove(ctx context.Context, id string) (bool, error)
}

// results is where that of a job lies.
func (q *Queue) results(j queue.Job) results {
	if j.Folder != "" {
		return folder(j.Folder)
	}
	return bucket{q}
}

// A bucket keeps them in the server's object store.
type bucket struct{ q *Queue }

func (b bucket) has(ctx context.Context, id string) (bool, error) {
	_, err := b.q.out.GetInfo(ctx, id)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (b bucket) put(ctx context.Context, id, file string) error {
	return b.q.putFile(ctx, b.q.out, id, file)
}

func (b bucket) get(ctx context.Context, id, file string) (bool, error) {
	return b.q.get(ctx, "fetch result", b.q.out, id, file)
}

func (b bucket) remove(ctx context.Context, id string) (bool, error) {
	return b.q.remove(ctx, b.q.out, id)
}

// remove removes an object; false where there is none.
func (q *Queue) remove(ctx context.Context, from jetstream.ObjectStore, name string) (was bool, err error) {
	err = q.again(ctx, "forget", briefly, func(ctx context.Context) error {
		err := from.Delete(ctx, name)
		was = err == nil
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			return nil
		}
		return err
	})
	return was, err
}

// A folder keeps them in files, where workers and who submits share it under one path.
type folder string

func (f folder) file(id string) string { return filepath.Join(string(f), id) }

func (f folder) has(_ context.Context, id string) (bool, error) {
	_, err := os.Stat(f.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, f.missing()
	}
	return err == nil, err
}

// missing is the error of a folder that is not there.
func (f folder) missing() error {
	if _, err := os.Stat(string(f)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("results folder %q is not on this machine (share it under the same path, or submit without --results)", string(f))
	}
	return nil
}

// put gives a file its name when its bytes are on the disk.
func (f folder) put(_ context.Context, id, file string) error {
	if err := f.missing(); err != nil {
		return err
	}
	return copyFile(file, f.file(id))
}

func (f folder) get(_ context.Context, id, file string) (bool, error) {
	err := copyFile(f.file(id), file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, f.missing()
	}
	return err == nil, err
}

// remove removes a result, and what is left of workers that were killed as they wrote it.
func (f folder) remove(_ context.Context, id string) (was bool, err error) {
	unfinished, err := filepath.Glob(f.file("." + id + "*"))
	for _, path := range unfinished {
		err = errors.Join(err, os.Remove(path))
	}
	if now := os.Remove(f.file(id)); !errors.Is(now, fs.ErrNotExist) {
		return now == nil, errors.Join(err, now)
	}
	return false, err
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := renameio.NewPendingFile(to, renameio.WithTempDir(filepath.Dir(to)), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Cleanup()) }()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.CloseAtomicallyReplace()
}
