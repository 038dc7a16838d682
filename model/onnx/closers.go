package onnx

import (
	"errors"
	"slices"
)

// Closers frees native things in the reverse of the order they were made.
type Closers []func() error

// Add notes how to free what was just made.
func (c *Closers) Add(free func() error) { *c = append(*c, free) }

// Close frees everything once, and whatever fails, the rest too.
func (c *Closers) Close() error {
	var errs []error
	for _, free := range slices.Backward(*c) {
		errs = append(errs, free())
	}
	*c = nil
	return errors.Join(errs...)
}
