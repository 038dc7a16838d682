package record

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTooSmallFramesCostOnlyThemselves(t *testing.T) {
	var log bytes.Buffer
	o := Options{FPS: 10, Log: slog.New(slog.NewTextHandler(&log, nil))}
	path := record(t, o, grey(1, 1, 0), grey(16, 1, 1), grey(32, 16, 5), grey(1, 1, 5))
	got, _, w, h := levels(t, path)
	if len(got) != 2 || w != 32 || h != 16 {
		t.Errorf("%d frames of %dx%d, want 2 of 32x16", len(got), w, h)
	}
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "1x1") {
		t.Errorf("log says:\n%s", said)
	}
}

func TestOnlyTooSmallFrames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mp4")
	r, err := New(path, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Show(t.Context(), grey(1, 9, 0), nil); err != nil {
		t.Error(err)
	}
	if err := r.Close(); !errors.Is(err, ErrRecord) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want ErrRecord", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an empty file is left")
	}
}

func TestTooLargeFramesAreMadeSmaller(t *testing.T) {
	path := record(t, Options{FPS: 10}, grey(17000, 16, 5), grey(64, 64, 5)) // H.264 ends at 16384
	if got, _, w, h := levels(t, path); len(got) != 2 || w != 4096 || h < leastSide {
		t.Errorf("%d frames of %dx%d, want 2 of 4096 columns", len(got), w, h)
	}
	for name, tt := range map[string]struct{ w, h, toW, toH int }{
		"fits": {640, 480, 640, 480}, "wide": {8192, 4096, 4096, 2048}, "thin": {3, 40960, 2, 4096},
	} {
		if got := shrunk(tt.w, tt.h); got != [2]int{tt.toW, tt.toH} {
			t.Errorf("%s: %d, want %dx%d", name, got, tt.toW, tt.toH)
		}
	}
}
