package opencv

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestDevicesUnder(t *testing.T) {
	dev, sys := t.TempDir(), t.TempDir()
	for _, name := range []string{"video0", "video10", "video2", "video-enc", "vbi0"} {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(sys, "video2"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sys, "video2", "name"), []byte("HD Camera: HD Camera\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := devicesUnder(dev, sys, func(node string) string {
		if filepath.Base(node) == "video10" {
			return "busy"
		}
		return ""
	})
	want := []Device{
		{0, filepath.Join(dev, "video0"), "", true, ""},
		{2, filepath.Join(dev, "video2"), "HD Camera: HD Camera", true, ""},
		{10, filepath.Join(dev, "video10"), "", false, "busy"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("devices = %+v, %v; want %+v", got, err, want)
	}
}

func TestProbeRefusesWhatIsNoDevice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "video0")
	if probe(file) == "" {
		t.Error("a missing node is usable")
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if probe(file) == "" {
		t.Error("a plain file is usable")
	}
}
