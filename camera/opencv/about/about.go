// Package about says how the OpenCV that this program runs with was built.
package about

/*
#cgo pkg-config: opencv4
#cgo CXXFLAGS: --std=c++11
const char *deixis_opencv_build(void);
*/
import "C"

import (
	"slices"
	"strings"

	"gocv.io/x/gocv"
)

// Version is OpenCV's own, "4.6.0" say.
func Version() string { return gocv.OpenCVVersion() }

// Build is what OpenCV's build information says of the named parts, "FFMPEG"
// or "GStreamer" say: the lines "NAME: value", blanks folded, in its order.
func Build(parts ...string) []string {
	var found []string
	for line := range strings.Lines(C.GoString(C.deixis_opencv_build())) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && slices.Contains(parts, name) {
			found = append(found, name+": "+strings.Join(strings.Fields(value), " "))
		}
	}
	return found
}
