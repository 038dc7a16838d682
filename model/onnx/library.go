package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrLibrary says that ONNX Runtime's shared library was not found or cannot be used.
var ErrLibrary = errors.New("no usable ONNX Runtime library")

// FindLibrary is the path of ONNX Runtime's shared library: named, or of the
// variable DEIXIS_ORT_LIBRARY, or beside the program, or in the project's bin
// or .venv folder, or the system's. The ErrLibrary names every place looked at.
func FindLibrary(named string) (string, error) {
	if named == "" {
		named = os.Getenv("DEIXIS_ORT_LIBRARY")
	}
	if named != "" {
		if s, err := os.Stat(named); err != nil || s.IsDir() {
			return "", fmt.Errorf("find ONNX Runtime: %w: %s is no file (name it with --ort-library FILE)", ErrLibrary, named)
		}
		return named, nil
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

// libraryIn is the newest library in dir, which may be a pattern, or "".
func libraryIn(dir string) string {
	var found []string
	for _, name := range []string{"libonnxruntime.so", "libonnxruntime.so.[0-9]*", "libonnxruntime.dylib", "libonnxruntime.*.dylib"} {
		some, _ := filepath.Glob(filepath.Join(dir, name)) // fails only for a bad pattern
		found = append(found, some...)
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// libraryPlaces are the folders looked at, nearest first.
func libraryPlaces() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		here := filepath.Dir(exe)
		dirs = append(dirs, here, filepath.Join(here, "lib"))
	}
	if root := projectRoot(); root != "" {
		dirs = append(dirs, filepath.Join(root, "bin"), filepath.Join(root, "bin", "lib"),
			filepath.Join(root, ".venv", "lib", "python3*", "site-packages", "onnxruntime", "capi"))
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
	dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/*-linux-gnu", "/opt/homebrew/lib", "/opt/onnxruntime/lib")
	return slices.DeleteFunc(dirs, func(d string) bool { return d == "" })
}

// projectRoot is the folder of go.mod at or above the working folder, or "".
func projectRoot() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
	return ""
}

// environment is ONNX Runtime's own, one in a process: the first user loads
// the library, the last one unloads it.
type environment struct {
	sync.Mutex
	users   int
	library string
}

var shared environment

// Use loads ONNX Runtime, or joins those who use it already, for sessions
// of a package below this one. The caller calls release once, after the last
// of them. Errors are ErrLibrary.
func Use(named string) (release func() error, err error) {
	_, release, err = shared.acquire(named)
	return release, err
}

// acquire loads the library, or joins those who use it already, and says which
// it is. The caller calls release once.
func (e *environment) acquire(named string) (library string, release func() error, err error) {
	e.Lock()
	defer e.Unlock()
	if library, err = FindLibrary(named); err != nil {
		return "", nil, err
	}
	if e.users > 0 && library != e.library {
		return "", nil, fmt.Errorf("load ONNX Runtime %s: %w: this program already runs with %s", library, ErrLibrary, e.library)
	}
	if e.users == 0 {
		ort.SetSharedLibraryPath(library)
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return "", nil, fmt.Errorf("load ONNX Runtime %s: %w: %w (this program needs version 1.24 or later)", library, ErrLibrary, err)
		}
		e.library = library
	}
	e.users++
	return library, sync.OnceValue(e.release), nil
}

func (e *environment) release() error {
	e.Lock()
	defer e.Unlock()
	if e.users--; e.users > 0 {
		return nil
	}
	return ort.DestroyEnvironment()
}
