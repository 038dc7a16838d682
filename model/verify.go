package model

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"deixis/camera"
)

// GraphNames are the three graphs of a bundle in the order they run.
var GraphNames = []string{"frame", "phrase", "ground"}

// File is one file that bundle.json vouches for.
type File struct{ Name, SHA256 string }

// Contents are all files of the bundle, each once, by name.
func (b *Bundle) Contents() []File {
	hashes := maps.Clone(b.Files)
	if hashes == nil {
		hashes = map[string]string{}
	}
	for _, graphs := range b.Graphs {
		for _, g := range graphs {
			hashes[g.File] = g.SHA256
		}
	}
	var fs []File
	for _, name := range slices.Sorted(maps.Keys(hashes)) {
		fs = append(fs, File{name, hashes[name]})
	}
	return fs
}

// Check reads f and compares its hash; a graph must not read files that the
// bundle does not list. Errors are ErrBundle, and ErrHash, ErrPath, ErrExternal,
// camera.ErrNotRegular or fs.ErrNotExist.
func (b *Bundle) Check(f File) error {
	var known func(string) bool
	if b.isGraph(f.Name) {
		contents := b.Contents()
		known = func(name string) bool {
			return slices.ContainsFunc(contents, func(f File) bool { return filepath.Clean(f.Name) == name })
		}
	}
	if err := f.check(b.Dir, known); err != nil {
		return b.wrong(fmt.Errorf("%w (copy the bundle again)", err))
	}
	return nil
}

func (b *Bundle) isGraph(file string) bool {
	for _, graphs := range b.Graphs {
		if slices.ContainsFunc(graphs, func(g Graph) bool { return g.File == file }) {
			return true
		}
	}
	return false
}

// maxFile bounds the time that a hash takes; ONNX files end at 2 GiB.
const maxFile = 8 << 30

// check compares the hash of f in dir. With known, f is an ONNX graph, whose
// external data must all be known. Errors are ErrHash, ErrPath, ErrExternal,
// camera.ErrNotRegular or fs.ErrNotExist.
func (f File) check(dir string, known func(name string) bool) error {
	if !filepath.IsLocal(f.Name) {
		return fmt.Errorf("%q: %w", f.Name, ErrPath)
	}
	root, err := os.OpenRoot(dir) // a link out of the folder is refused too
	if err != nil {
		return err
	}
	defer root.Close()
	in, err := camera.OpenRegularIn(root, f.Name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s is missing: %w", f.Name, os.ErrNotExist)
	case errors.Is(err, camera.ErrNotRegular):
		return err
	case err != nil:
		return fmt.Errorf("%s: %w: %w", f.Name, ErrPath, err)
	}
	defer in.Close()
	is, err := in.Stat()
	if err != nil {
		return err
	}
	if is.Size() > maxFile {
		return fmt.Errorf("%s has %d bytes, and %d are the most", f.Name, is.Size(), int64(maxFile))
	}
	return f.compare(in, is.Size(), known)
}

// compare reads in once, for its hash and for the files that a graph names. A
// wrong hash is said first: it explains whatever else is wrong.
func (f File) compare(in io.Reader, size int64, known func(name string) bool) error {
	sum := sha256.New()
	all := io.TeeReader(in, sum)
	var locations map[string]bool
	var scan error
	if known != nil {
		locations, scan = externalData(all, size)
	}
	if _, err := io.Copy(io.Discard, all); err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, f.SHA256) {
		return fmt.Errorf("%s: %w: it has SHA-256 %s, not %s", f.Name, ErrHash, short(got), short(f.SHA256))
	}
	if scan != nil {
		return fmt.Errorf("%s: %w", f.Name, scan)
	}
	if name, is := unhashed(f.Name, locations, known); is {
		return fmt.Errorf("%s: %w: %q (list it with its SHA-256 under files, or export the graph whole)", f.Name, ErrExternal, name)
	}
	return nil
}

// short is enough of a hash to tell two apart.
func short(hash string) string {
	if len(hash) <= 12 {
		return fmt.Sprintf("%q", hash)
	}
	return hash[:12] + "…"
}
