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

// Check reads f and compares its hash. Errors are ErrBundle, and ErrHash,
// ErrPath or fs.ErrNotExist.
func (b *Bundle) Check(f File) error {
	if err := f.check(b.Dir); err != nil {
		return b.wrong(fmt.Errorf("%w (copy the bundle again)", err))
	}
	return nil
}

// check compares the hash of f in dir. Errors are ErrHash, ErrPath or
// fs.ErrNotExist.
func (f File) check(dir string) error {
	if !filepath.IsLocal(f.Name) {
		return fmt.Errorf("%q: %w", f.Name, ErrPath)
	}
	in, err := os.OpenInRoot(dir, f.Name) // a link out of the folder is refused too
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is missing: %w", f.Name, os.ErrNotExist)
		}
		return fmt.Errorf("%s: %w: %w", f.Name, ErrPath, err)
	}
	defer in.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, f.SHA256) {
		return fmt.Errorf("%s: %w: it has SHA-256 %s, not %s", f.Name, ErrHash, short(got), short(f.SHA256))
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

// validate names everything in bundle.json that the runtime cannot work with.
func (b *Bundle) validate() error {
	errs := []error{
		within("image.size", b.Image.Size, 1, 4096),
		within("image.grid", b.Image.Grid, 1, 512),
		within("phrase.max_tokens", b.Limits.MaxTokens, 3, 512),
		within("phrase.max_phrases", b.Limits.MaxPhrases, 1, 1024),
		within("answers", b.Answers, 1, 1024),
	}
	if t := b.Threshold.Present; !(t >= 0 && t <= 1) {
		errs = append(errs, fmt.Errorf("threshold.present is %v, not 0..1", t))
	}
	if b.Name == "" {
		errs = append(errs, errors.New("name is empty"))
	}
	if _, ok := b.Files[b.Limits.Tokenizer]; !ok {
		errs = append(errs, fmt.Errorf("phrase.tokenizer names %q, which files does not list", b.Limits.Tokenizer))
	}
	if b.Weights != nil {
		if _, ok := b.Files[b.Weights.File]; !ok {
			errs = append(errs, fmt.Errorf("weights.file names %q, which files does not list", b.Weights.File))
		}
	}
	for _, name := range GraphNames {
		errs = append(errs, b.validateGraph(name))
	}
	for _, f := range b.Contents() {
		if !filepath.IsLocal(f.Name) {
			errs = append(errs, fmt.Errorf("%q: %w", f.Name, ErrPath))
		}
	}
	return errors.Join(errs...)
}

func (b *Bundle) validateGraph(name string) error {
	if len(b.Graphs[name]) == 0 {
		return fmt.Errorf("graphs has no %q", name)
	}
	for _, g := range b.Graphs[name] {
		switch {
		case !slices.Contains([]string{"fp32", "fp16", "int8"}, g.Precision):
			return fmt.Errorf("graph %s: unknown precision %q", name, g.Precision)
		case g.File == "":
			return fmt.Errorf("graph %s %s names no file", name, g.Precision)
		case len(g.Inputs) == 0 || len(g.Outputs) == 0:
			return fmt.Errorf("graph %s %s lists no inputs or outputs", name, g.Precision)
		}
	}
	return nil
}

func within(what string, n, lo, hi int) error {
	if n < lo || n > hi {
		return fmt.Errorf("%s is %d, not %d to %d", what, n, lo, hi)
	}
	return nil
}
