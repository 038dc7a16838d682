package main

import (
	"errors"
	"io/fs"

	"deixis/camera"
	"deixis/model"
	"deixis/model/onnx"
	"deixis/pipeline"
	"deixis/pipeline/listen"
	"deixis/pipeline/record"
)

// The exit codes, also listed in the README.
const (
	exitOK     = 0 // did what was asked
	exitFailed = 1 // failed while running
	exitUsage  = 2 // bad flag, empty or overlong phrase
	exitInput  = 3 // file, device or stream missing or broken
	exitModel  = 4 // model bundle, speech models or ONNX Runtime library
)

// A usageError says that the command line, not the world, is wrong.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// An inputError says that a file, device or stream is missing or broken where
// no sentinel of camera says so already.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// An outputError says that a result cannot be written: its missing folder is
// no missing input.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// exitCode sorts an error into one of the codes. The bundle comes before the
// files: a bundle's missing file is also an fs.ErrNotExist.
func exitCode(err error) int {
	var usage *usageError
	var input *inputError
	var output *outputError
	var other *programError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &other) && other.code > exitOK:
		return other.code
	case errors.As(err, &usage), errors.Is(err, model.ErrEmptyPhrase), errors.Is(err, model.ErrLongPhrase), errors.Is(err, pipeline.ErrManyPhrases):
		return exitUsage
	case errors.Is(err, model.ErrBundle), errors.Is(err, model.ErrSpeech), errors.Is(err, onnx.ErrContract),
		errors.Is(err, onnx.ErrLibrary), errors.Is(err, onnx.ErrProvider):
		return exitModel
	case errors.As(err, &output), errors.Is(err, record.ErrRecord):
		return exitFailed
	case errors.As(err, &input), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, listen.ErrSound),
		errors.Is(err, camera.ErrNoDevice), errors.Is(err, camera.ErrNoPicture), errors.Is(err, camera.ErrLost):
		return exitInput
	}
	return exitFailed
}
