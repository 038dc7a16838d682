package opencv

import (
	"os"

	"deixis/camera/container"
)

// incomplete says whether a video file is shorter than its own container says.
// Counts of frames do not tell, because edit lists hide frames and rates are guessed.
func incomplete(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	return container.Read(f, info.Size()).Short
}
