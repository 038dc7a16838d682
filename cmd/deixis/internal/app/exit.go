// Package app is what subcommands share: flags, exit codes, the network and the ears
// that the flags ask for.
package app

import (
	"errors"
	"fmt"
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
	ExitOK     = 0 // did what was asked
	ExitFailed = 1 // failed while running
	ExitUsage  = 2 // bad flag, empty or overlong phrase
	ExitInput  = 3 // file, device or stream missing or broken
	ExitModel  = 4 // model bundle, speech models or ONNX Runtime library
)

// Exits say in words what the codes mean.
var Exits = []string{
	ExitOK:     "Did what was asked.",
	ExitFailed: "Failed while running.",
	ExitUsage:  "The command line, a variable or the configuration is wrong, or a phrase is empty or too long.",
	ExitInput:  "A file, device or stream is missing or broken.",
	ExitModel:  "The model bundle, the speech models or ONNX Runtime's library cannot be used.",
}

// A UsageError says that the command line, not the world, is wrong.
type UsageError struct{ err error }

func (e *UsageError) Error() string { return e.err.Error() }
func (e *UsageError) Unwrap() error { return e.err }

// An InputError says that a file, device or stream is missing or broken where
// no sentinel of camera says so already.
type InputError struct{ err error }

func (e *InputError) Error() string { return e.err.Error() }
func (e *InputError) Unwrap() error { return e.err }

// An OutputError says that a result cannot be written: its missing folder is
// no missing input.
type OutputError struct{ err error }

func (e *OutputError) Error() string { return e.err.Error() }
func (e *OutputError) Unwrap() error { return e.err }

// ExitCode sorts an error into one of the codes. The bundle comes before the
// files: a bundle's missing file is also an fs.ErrNotExist.
func ExitCode(err error) int {
	var usage *UsageError
	var input *InputError
	var output *OutputError
	var other *ProgramError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &other) && other.Code > ExitOK:
		return other.Code
	case errors.As(err, &usage), errors.Is(err, model.ErrEmptyPhrase), errors.Is(err, model.ErrLongPhrase), errors.Is(err, pipeline.ErrManyPhrases):
		return ExitUsage
	case errors.Is(err, model.ErrBundle), errors.Is(err, model.ErrSpeech), errors.Is(err, onnx.ErrContract),
		errors.Is(err, onnx.ErrLibrary), errors.Is(err, onnx.ErrProvider):
		return ExitModel
	case errors.As(err, &output), errors.Is(err, record.ErrRecord):
		return ExitFailed
	case errors.As(err, &input), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, camera.ErrNotRegular), errors.Is(err, camera.ErrTooLarge),
		errors.Is(err, listen.ErrSound),
		errors.Is(err, camera.ErrNoDevice), errors.Is(err, camera.ErrNoPicture), errors.Is(err, camera.ErrLost):
		return ExitInput
	}
	return ExitFailed
}

// AsInput marks an error of reading a source's name, unless it is marked.
func AsInput(err error) error {
	if ExitCode(err) == ExitFailed {
		return &UsageError{err}
	}
	return err
}

// A ProgramError is what another deixis said when it ended by itself.
type ProgramError struct {
	Code int
	Said string
}

func (e *ProgramError) Error() string {
	return fmt.Sprintf("deixis live ended with exit code %d: %s", e.Code, e.Said)
}

// Usage, Input and Output mark an error as what it is about.
func Usage(err error) error  { return &UsageError{err} }
func Input(err error) error  { return &InputError{err} }
func Output(err error) error { return &OutputError{err} }
