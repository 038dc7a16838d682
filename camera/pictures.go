package camera

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pictures are the file extensions of single pictures that are read. What a
// file holds is told by its first bytes, not by its name.
var pictures = []string{
	".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib",
	".ppm", ".pgm", ".pbm", ".pnm",
}

// foreign are the extensions of pictures that are not read: a folder that
// holds them is not read whole, and that must be said.
var foreign = []string{
	".heic", ".heif", ".hif", ".avif", ".jxl", ".gif", ".jp2", ".j2k", ".jpx", ".jpf", ".hdr", ".exr", ".svg", ".psd",
	".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".tga", ".ico", ".pfm", ".pam", ".ras",
}

func isPicture(path string) bool { return slices.Contains(pictures, extension(path)) }

func extension(path string) string { return strings.ToLower(filepath.Ext(path)) }

func isHidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// sortOut keeps the pictures among paths, in the order of their numbers, and
// names what looks like a picture and cannot be read.
func (r *Ref) sortOut(paths []string) {
	for _, path := range paths {
		if isHidden(path) || !isPicture(path) && !slices.Contains(foreign, extension(path)) {
			continue
		}
		switch info, err := os.Stat(path); {
		case err != nil:
			r.Skipped = append(r.Skipped, fmt.Sprintf("%s (%v)", r.Name(path), bare(err)))
		case !info.Mode().IsRegular():
			r.Skipped = append(r.Skipped, fmt.Sprintf("%s (a %s)", r.Name(path), modeName(info.Mode())))
		case !isPicture(path):
			r.Skipped = append(r.Skipped, r.Name(path)+" (a format that is not read)")
		default:
			r.Paths = append(r.Paths, path)
		}
	}
	slices.SortFunc(r.Paths, byNumber)
	slices.SortFunc(r.Skipped, byNumber)
}

// Name is what one of Paths is called in frames and labels: its path from the
// folder that was named, or from the one where the glob begins to vary.
func (r Ref) Name(path string) string {
	root := r.Path
	if rel, err := filepath.Rel(root, path); err == nil && rel != "." && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	if i := strings.IndexAny(root, `*?[\`); i >= 0 {
		root = filepath.Dir(root[:i] + "x") // the x keeps Dir from taking a whole folder off
		if rel, err := filepath.Rel(root, path); err == nil && rel != "." && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.Base(path)
}

// Names are the first of names, for one line of text.
func Names(names []string) string {
	const most = 10
	line := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		line += ", …"
	}
	return line
}

func parseFolder(source, dir string) (Ref, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Ref{}, fmt.Errorf("list folder %q: %w", source, bare(err))
	}
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = filepath.Join(dir, e.Name())
	}
	r := Ref{Kind: Images, URI: source, Path: dir}
	r.sortOut(all)
	switch {
	case len(r.Paths) > 0:
		return r, nil
	case len(r.Skipped) > 0:
		return Ref{}, fmt.Errorf("list folder %q: none of its %d pictures can be read: %s (convert them to JPEG or PNG): %w", source, len(r.Skipped), Names(r.Skipped), ErrNoPicture)
	}
	return Ref{}, fmt.Errorf("list folder %q: no pictures in it (%s): %w", source, strings.Join(pictures, " "), fs.ErrNotExist)
}

func parseGlob(source, pattern string) (Ref, error) {
	all, err := filepath.Glob(pattern)
	if err != nil {
		return Ref{}, fmt.Errorf("read source %q: %w", Redacted(source), err)
	}
	r := Ref{Kind: Images, URI: source, Path: pattern}
	r.sortOut(all)
	switch {
	case len(all) == 0:
		return Ref{}, fmt.Errorf("find source %q: nothing matches: %w", Redacted(source), fs.ErrNotExist)
	case len(r.Paths) == 0 && len(all) == 1:
		return parsePath(source, all[0])
	case len(r.Paths) == 0 && len(r.Skipped) > 0:
		return Ref{}, fmt.Errorf("find source %q: none of %d pictures can be read: %s (convert them to JPEG or PNG): %w", source, len(r.Skipped), Names(r.Skipped), ErrNoPicture)
	case len(r.Paths) == 0:
		return Ref{}, fmt.Errorf("find source %q: %d files match and none is a picture (name videos one by one): %w", source, len(all), fs.ErrNotExist)
	}
	return r, nil
}

// parsePicture refuses at once what would block whoever reads it.
func parsePicture(source, path string, info fs.FileInfo) (Ref, error) {
	if !info.Mode().IsRegular() {
		return Ref{}, fmt.Errorf("find source %q: a %s, and no file: %w", source, modeName(info.Mode()), ErrNoPicture)
	}
	return Ref{Kind: Images, URI: source, Path: path, Paths: []string{path}}, nil
}
