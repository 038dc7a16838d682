package onnx

import (
	"errors"
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

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
		if err := initialize(); err != nil {
			return "", nil, fmt.Errorf("load ONNX Runtime %s: %w: %w (this program needs version 1.24 or later)", library, ErrLibrary, err)
		}
		e.library = library
	}
	e.users++
	return library, sync.OnceValue(e.release), nil
}

// noTelemetry keeps ONNX Runtime 1.29 and later, outside Windows, from sending what
// models it runs to its makers, and from a device's number and an event database in the
// user's cache folder, where it is set before the library starts (Add POSIX telemetry,
// microsoft/onnxruntime#27379). On Windows DisableTelemetry ends it.
const noTelemetry = "ORT_DISABLE_TELEMETRY"

// initialize starts the library: it says nothing to anybody.
func initialize() error {
	if err := os.Setenv(noTelemetry, "1"); err != nil {
		return err
	}
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return err
	}
	if err := ort.DisableTelemetry(); err != nil {
		return errors.Join(err, ort.DestroyEnvironment())
	}
	return nil
}

func (e *environment) release() error {
	e.Lock()
	defer e.Unlock()
	if e.users--; e.users > 0 {
		return nil
	}
	return ort.DestroyEnvironment()
}
