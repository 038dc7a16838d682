//go:build !unix

package child

import "errors"

// Options shape a child.
type Options struct {
	Memory      int    // shared memory, bytes
	MaxResident int64  // a child that holds more bytes is killed; 0 means no limit
	Allow       string // how to allow more; it ends the reason of such a kill
}

// Process is a child seen by its parent.
type Process struct{ *Conn }

// Start is errors.ErrUnsupported: this system hands no open files to a child.
func Start(string, Options) (*Process, error) { return nil, errors.ErrUnsupported }

// Kill does nothing here.
func (*Process) Kill(string) {}

// Reason is empty here.
func (*Process) Reason() string { return "" }

// Close does nothing here.
func (*Process) Close() error { return nil }

func inherit() (*Conn, error) { return nil, errors.ErrUnsupported }
