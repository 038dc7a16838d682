package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// ErrLibrary says that ONNX Runtime's shared library was not found or cannot be used.
var ErrLibrary = errors.New("no usable ONNX Runtime library")

// libraryVariables name the library, the first one that is set: ours, that of
// the Go binding, and that of other programs with ONNX Runtime.
var libraryVariables = []string{"DEIXIS_ORT_LIBRARY", "ONNXRUNTIME_SHARED_LIBRARY_PATH", "ORT_DYLIB_PATH"}

// FindLibrary is the absolute path of ONNX Runtime's shared library: named, or
// of the variables DEIXIS_ORT_LIBRARY, ONNXRUNTIME_SHARED_LIBRARY_PATH or
// ORT_DYLIB_PATH, or beside the program or in its lib folder, or in PREFIX/lib/deixis
// where the program is installed in PREFIX/bin, or the system's.
//
// Loading a library runs its code, so the working folder, which may be anybody's,
// is never searched. The ErrLibrary names every place looked at.
func FindLibrary(named string) (string, error) {
	for _, v := range libraryVariables {
		if named == "" {
			named = os.Getenv(v)
		}
	}
	if named != "" {
		file, err := filepath.Abs(named) // the loader would search the system for a bare name
		if err != nil || !isFile(file) {
			return "", fmt.Errorf("find ONNX Runtime: %w: %s is no file (name it with --ort-library FILE)", ErrLibrary, named)
		}
		return file, nil
	}
	places := libraryPlaces()
	for _, dir := range places {
		if found := libraryIn(dir); found != "" {
			return found, nil
		}
	}
	return "", fmt.Errorf("find ONNX Runtime: %w in %s (run `make setup`, or `pip install onnxruntime` and name its capi/libonnxruntime.so with --ort-library)",
		ErrLibrary, strings.Join(places, ", "))
}

// libraryName matches the library's file on Linux and macOS, and its version.
var libraryName = regexp.MustCompile(`^libonnxruntime(?:\.so|\.so\.(\d+(?:\.\d+){0,2})|\.dylib|\.(\d+(?:\.\d+){0,2})\.dylib)$`)

// libraryIn is the library of the highest version in dir, which may be a
// pattern, or "". One without a version in its name comes last.
func libraryIn(dir string) string {
	var best, version string
	found, _ := filepath.Glob(filepath.Join(dir, "libonnxruntime.*")) // fails only for a bad pattern
	for _, file := range found {
		m := libraryName.FindStringSubmatch(filepath.Base(file))
		if m == nil || !isFile(file) {
			continue
		}
		v := "v" + m[1] + m[2]
		if best == "" || semver.Compare(v, version) > 0 { // "v" alone is no version: less than any
			best, version = file, v
		}
	}
	return best
}

func isFile(name string) bool {
	is, err := os.Stat(name)
	return err == nil && is.Mode().IsRegular()
}

// libraryPlaces are the folders looked at, nearest first.
func libraryPlaces() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		here := filepath.Dir(exe)
		dirs = append(dirs, here, filepath.Join(here, "lib"), filepath.Join(here, "..", "lib", "deixis"))
	}
	for _, v := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		for _, dir := range filepath.SplitList(os.Getenv(v)) {
			if filepath.IsAbs(dir) { // the others lie in the working folder
				dirs = append(dirs, dir)
			}
		}
	}
	return append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/*-linux-gnu", "/opt/homebrew/lib", "/opt/onnxruntime/lib")
}
