//go:build matprofile

package record

import (
	"os"

	"gocv.io/x/gocv"
)

func init() {
	leaks = func() int {
		n := gocv.MatProfile.Count()
		if n > 0 {
			gocv.MatProfile.WriteTo(os.Stderr, 1)
		}
		return n
	}
}
