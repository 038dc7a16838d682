package runfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"deixis/camera"
)

// Same says whether a source looks as it did when in was written: as large, and not
// modified since. Then its bytes need not be read.
func (in *Input) Same(ref camera.Ref) bool {
	bytes, modified, err := measure(ref)
	return err == nil && in.SHA256 != "" && bytes == in.Bytes && modified.Equal(in.Modified)
}

// Digest fills in what tells this source from others: the SHA-256 of a file, or of the
// names and bytes of all pictures. Errors are those of reading it, and ctx's.
func (in *Input) Digest(ctx context.Context, ref camera.Ref) (err error) {
	if in.Bytes, in.Modified, err = measure(ref); err != nil {
		return err
	}
	sum := sha256.New()
	for _, path := range files(ref) {
		fmt.Fprintf(sum, "%d %s\n", len(path), ref.Name(path))
		if err := add(ctx, sum, path); err != nil {
			return fmt.Errorf("read %q: %w", path, err)
		}
	}
	if ref.Kind == camera.TestPattern {
		io.WriteString(sum, ref.URI)
	}
	in.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func files(ref camera.Ref) []string {
	if ref.Kind == camera.File {
		return []string{ref.Path}
	}
	return ref.Paths
}

// measure is how many bytes the files of a source have, and when the newest of them was
// written.
func measure(ref camera.Ref) (bytes int64, modified time.Time, err error) {
	for _, path := range files(ref) {
		info, err := os.Stat(path)
		if err != nil {
			return 0, modified, fmt.Errorf("read source: %w", err)
		}
		bytes += info.Size()
		if info.ModTime().After(modified) {
			modified = info.ModTime().UTC()
		}
	}
	return bytes, modified, nil
}

// add hashes a file; one that is no regular file has no bytes to hash.
func add(ctx context.Context, to io.Writer, path string) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.CopyN(to, f, 16<<20); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Key tells what was answered on one input under these settings from all else. How tracks
// are made of answers, and what is written of them, does not count.
func (s Settings) Key(in Input) string {
	s.Formats, s.CloseGap, s.LeastTrack, s.Stills, s.Fixes = nil, "", "", "", ""
	raw, _ := json.Marshal(s)
	sum := sha256.Sum256(append(raw, in.SHA256...))
	return hex.EncodeToString(sum[:12])
}
