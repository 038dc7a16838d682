package camera

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// videos are the file extensions of recordings that are looked for in folders. One that
// is named by itself may have any.
var videos = []string{
	".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".m2v", ".vob",
	".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mjpg", ".mjpeg", ".h264", ".264", ".h265", ".265", ".hevc", ".mxf", ".dv",
}

func isVideo(path string) bool { return slices.Contains(videos, extension(path)) }

// FindRecordings is what there is to annotate under source: a folder is every recording
// in it and below, one by one, and the pictures of each folder together; a glob likewise
// what it matches; anything else is what Parse says. Folders for which skip is true are
// left out, and links to folders are not followed. Folders whose pictures cannot be read are an error beside what was found.
func FindRecordings(source string, skip func(dir string) bool) ([]Ref, error) {
	source = strings.TrimSpace(source)
	path := strings.TrimPrefix(source, "file://")
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return findUnder(source, path, skip)
	case err != nil && strings.ContainsAny(path, `*?[`) && !strings.Contains(path, "://"):
		return findMatching(source, path)
	}
	ref, err := Parse(source)
	if err != nil {
		return nil, err
	}
	return []Ref{ref}, nil
}

func findUnder(source, root string, skip func(dir string) bool) ([]Ref, error) {
	var found []Ref
	var unread []error
	start := root
	if real, err := filepath.EvalSymlinks(root); err == nil {
		start = real // WalkDir does not follow a link
	}
	err := filepath.WalkDir(start, func(path string, d fs.DirEntry, err error) error {
		if rel, outside := filepath.Rel(start, path); outside == nil {
			path = filepath.Join(root, rel)
		}
		switch {
		case err != nil && path == filepath.Clean(root):
			return fmt.Errorf("list folder %q: %w", path, bare(err))
		case err != nil: // the rest of the folder is not to blame
			unread = append(unread, fmt.Errorf("list folder %q: %w", path, bare(err)))
			return fs.SkipDir
		case path != filepath.Clean(root) && isHidden(path):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
			if path != filepath.Clean(root) && skip(path) {
				return fs.SkipDir
			}
			ref, err := parseFolder(path, path)
			switch {
			case err == nil:
				found = append(found, ref)
			case errors.Is(err, ErrNoPicture):
				unread = append(unread, err)
			}
		case isVideo(path):
			found = append(found, Ref{Kind: File, URI: path, Path: path})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && unread == nil {
		return nil, fmt.Errorf("list folder %q: no recording or picture in it or below (%s %s): %w", source, strings.Join(videos, " "), strings.Join(pictures, " "), fs.ErrNotExist)
	}
	slices.SortStableFunc(found, func(a, b Ref) int { return byNumber(a.Path, b.Path) })
	return found, errors.Join(unread...)
}

func findMatching(source, pattern string) ([]Ref, error) {
	all, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("read source %q: %w", Redacted(source), err)
	}
	var found []Ref
	all = slices.DeleteFunc(all, isHidden)
	rest := slices.DeleteFunc(slices.Clone(all), isVideo)
	for _, path := range all {
		if isVideo(path) {
			found = append(found, Ref{Kind: File, URI: path, Path: path})
		}
	}
	slices.SortStableFunc(found, func(a, b Ref) int { return byNumber(a.Path, b.Path) })
	if len(found) > 0 && !slices.ContainsFunc(rest, isPicture) {
		return found, nil
	}
	pictures, err := Parse(source)
	if err != nil {
		return nil, err
	}
	return append(found, pictures), nil
}
