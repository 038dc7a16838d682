package camera

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, tt := range map[string]struct {
		source string
		kind   Kind
		path   string
		device int
		live   bool
	}{
		"number":         {"0", Device, "/dev/video0", 0, true},
		"padded number":  {" 2\n", Device, "/dev/video2", 2, true},
		"highest number": {"255", Device, "/dev/video255", 255, true},
		"node":           {"/dev/video10", Device, "/dev/video10", 10, true},
		"node by id":     {"v4l2:///dev/v4l/by-id/cam", Device, "/dev/v4l/by-id/cam", -1, true},
		"scheme":         {"v4l2:///dev/video0", Device, "/dev/video0", 0, true},
		"scheme number":  {"v4l2://1", Device, "/dev/video1", 1, true},
		"rtsp":           {"rtsp://cam.local/1", Stream, "rtsp://cam.local/1", 0, true},
		"upper case":     {"RTSP://cam.local/1", Stream, "RTSP://cam.local/1", 0, true},
		"udp any host":   {"udp://0.0.0.0:5000", Stream, "udp://0.0.0.0:5000", 0, true},
		"ros":            {"ros://robot:9090/camera/compressed", Stream, "ros://robot:9090/camera/compressed", 0, true},
		"http":           {"http://cam.local:8080/a.mjpg?x=1", Stream, "http://cam.local:8080/a.mjpg?x=1", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tt.source)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.source, err)
			}
			if got.Kind != tt.kind || got.Path != tt.path || got.Device != tt.device || got.Live() != tt.live {
				t.Errorf("Parse(%q) = %+v, live %v; want %v %q %d, live %v", tt.source, got, got.Live(), tt.kind, tt.path, tt.device, tt.live)
			}
		})
	}
}

func TestParsePaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	touch(t, "clip.mp4", "one.JPG", "0", "odd[1].png", "many/img10.jpg", "many/img2.jpg", "many/.hidden.jpg",
		"many/notes.txt", "many/sub.jpg/x.txt", "empty/notes.txt", "two/a.mp4", "two/b.mp4")
	many := []string{filepath.Join("many", "img2.jpg"), filepath.Join("many", "img10.jpg")}
	for name, tt := range map[string]struct {
		source string
		kind   Kind
		paths  []string
	}{
		"video":               {"clip.mp4", File, nil},
		"file scheme":         {"file://" + filepath.Join(dir, "clip.mp4"), File, nil},
		"picture":             {"one.JPG", Images, []string{"one.JPG"}},
		"name like a number":  {"./0", File, nil},
		"name like a glob":    {"odd[1].png", Images, []string{"odd[1].png"}},
		"folder, 2 before 10": {"many", Images, many},
		"folder with slash":   {"many/", Images, many},
		"glob":                {"many/img*", Images, many},
		"glob of one video":   {"cl?p.mp4", File, nil},
		"glob of all sorts":   {"many/*", Images, many},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tt.source)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.source, err)
			}
			if got.Kind != tt.kind || !slices.Equal(got.Paths, tt.paths) || got.Live() {
				t.Errorf("Parse(%q) = %v %q, live %v; want %v %q, not live", tt.source, got.Kind, got.Paths, got.Live(), tt.kind, tt.paths)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	touch(t, "empty/notes.txt", "two/a.mp4", "two/b.mp4")
	for name, tt := range map[string]struct {
		source  string
		missing bool
		says    string
	}{
		"empty":             {"", false, "empty"},
		"blank":             {" \t", false, "empty"},
		"no such file":      {"nowhere.mp4", true, "nowhere.mp4"},
		"empty folder":      {"empty", true, "no pictures"},
		"empty glob":        {"x*.jpg", true, "nothing matches"},
		"bad glob":          {"x[.jpg", false, "syntax"},
		"glob of videos":    {"two/*.mp4", true, "one by one"},
		"number too high":   {"256", false, "deixis devices"},
		"number far too":    {"99999999999999999999", false, "deixis devices"},
		"v4l2 without node": {"v4l2://video0", false, "v4l2:///dev/video0"},
		"v4l2 alone":        {"v4l2://", false, "v4l2:///dev/video0"},
		"no host":           {"rtsp:///a", false, "HOST"},
		"no topic":          {"ros://robot:9090", false, "ros://HOST:9090/"},
		"password of ROS":   {"ros://me:secret@robot/a", false, "ros://HOST:9090/"},
		"unknown scheme":    {"gopher://a/b", false, "unknown"},
		"control sign":      {"http://a\x01b/", false, "HOST"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tt.source)
			if err == nil {
				t.Fatalf("Parse(%q) found something", tt.source)
			}
			if errors.Is(err, fs.ErrNotExist) != tt.missing || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Parse(%q) = %q, not-exist %v; want %q in it, not-exist %v", tt.source, err, !tt.missing, tt.says, tt.missing)
			}
		})
	}
}

func TestRefStringHidesPassword(t *testing.T) {
	r, err := Parse("rtsp://me:secret@cam.local/1")
	if err != nil {
		t.Fatal(err)
	}
	if s := r.String(); strings.Contains(s, "secret") || !strings.Contains(s, "cam.local") {
		t.Errorf("String() = %q", s)
	}
	if _, err := Parse("rtsp://me:secret@"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Parse without host: %v", err)
	}
}

// touch makes empty files, and the folders they lie in.
func touch(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.MkdirAll(filepath.Dir(n), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(n, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
