package about

import (
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	if !strings.HasPrefix(Version(), "4.") {
		t.Errorf("Version = %q", Version())
	}
	lines := Build("FFMPEG", "no such part")
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "FFMPEG: ") {
		t.Errorf("Build = %q", lines)
	}
}
