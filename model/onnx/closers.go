package onnx

import (
	"errors"
	"slices"
)

// closers frees native things in the reverse of the order they were made.
type closers []func() error

func (c *closers) add(free func() error) { *c = append(*c, free) }

// Close frees everything once, and whatever fails, the rest too.
func (c *closers) Close() error {
	var errs []error
	for _, free := range slices.Backward(*c) {
		errs = append(errs, free())
	}
	*c = nil
	return errors.Join(errs...)
}
