package refs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write replaces a file by the lines of rs. The file appears when it is whole
// and on the disk: an error leaves what was there.
func Write(file string, rs []Ref) error {
	err := replace(file, create, func(w io.Writer) error {
		for i := range rs {
			line, err := encode(&rs[i])
			if err != nil {
				return fmt.Errorf("expression %d: %w", i+1, err)
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write expressions %s: %w", file, err)
	}
	return nil
}

// SavePicture writes a JPEG beside the refs.jsonl of folder and returns what a
// Ref says of it in Image. A picture is named by its content, so that the same
// one is saved once; it appears when it is whole and on the disk.
func SavePicture(folder string, jpeg []byte) (image string, err error) {
	return savePicture(folder, jpeg, create)
}

func savePicture(folder string, jpeg []byte, create creator) (image string, err error) {
	sum := sha256.Sum256(jpeg)
	image = "pictures/" + hex.EncodeToString(sum[:8]) + ".jpg"
	file := filepath.Join(folder, filepath.FromSlash(image))
	if is, err := os.Stat(file); err == nil && is.Size() == int64(len(jpeg)) {
		return image, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", fmt.Errorf("save picture: %w", err)
	}
	err = replace(file, create, func(w io.Writer) error {
		_, err := w.Write(jpeg)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("save picture %s: %w", file, err)
	}
	return image, nil
}

// A partial is a file that is being written.
type partial interface {
	io.WriteCloser
	Sync() error
}

// A creator makes an empty file; a test's may have a full disk under it.
type creator func(name string) (partial, error)

func create(name string) (partial, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

// replace writes beside file first. Nothing of it is left when that fails.
func replace(file string, create creator, content func(io.Writer) error) error {
	part := file + ".part"
	out, err := create(part)
	if err != nil {
		return err
	}
	err = content(out)
	if err == nil {
		err = out.Sync() // some file systems tell of a full disk only now
	}
	if e := out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		os.Remove(part) // the first error is the one to tell
	}
	return err
}
