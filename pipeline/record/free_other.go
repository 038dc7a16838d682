//go:build !unix

package record

import "errors"

// free is known on Unix only; elsewhere a full disk is found when the file is closed.
func free(string) (uint64, error) { return 0, errors.ErrUnsupported }
