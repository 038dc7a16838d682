package main

import (
	"image"
	_ "image/jpeg"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deixis/camera"
	"deixis/camera/opencv"
	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline/web"
)

func TestCorrections(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	var f camera.Frame
	f.Resize(64, 48)
	jpeg, err := opencv.EncodeJPEG(&f, 90)
	if err != nil {
		t.Fatal(err)
	}
	c := &corrections{dir: dir, log: slog.New(slog.DiscardHandler)}
	for _, said := range []web.Correction{
		{Phrase: "the red cup", Box: &model.Box{X1: 1.04, Y1: 2, X2: 31.5, Y2: 42}, JPEG: jpeg},
		{Phrase: "a \"dog\"", JPEG: jpeg},
	} {
		if err := c.keep(said); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := app.ReadRefs(filepath.Join(dir, "refs.jsonl"), "train", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(refs) != 2 || refs[0].Phrase != "the red cup" || *refs[0].Box != (model.Box{X1: 1, Y1: 2, X2: 31.5, Y2: 42}) || refs[1].Box != nil || refs[1].Image != refs[0].Image {
		t.Errorf("read back: %+v", refs)
	}
	p, err := os.Open(refs[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if i, _, err := image.DecodeConfig(p); err != nil || i.Width != 64 {
		t.Errorf("the picture: %+v, %v", i, err)
	}
	acceptedByTrainer(t, filepath.Join(dir, "refs.jsonl"))
	c.dir = refs[0].Image // a file
	if err := c.keep(web.Correction{Phrase: "x", JPEG: []byte{1}}); err == nil {
		t.Error("saved below a file")
	}
}

// acceptedByTrainer lets the trainer check the file, where it is set up.
func acceptedByTrainer(t *testing.T, refs string) {
	t.Helper()
	root := app.Above(".venv/bin/ca2m")
	if root == "" {
		t.Log("no .venv/bin/ca2m: the trainer has not looked at the file (make test sets it up)")
		return
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".venv", "bin", "ca2m"), "refs", refs, "--check")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(root, "trainer"), "OMP_NUM_THREADS=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "2 phrases over 1 photos") {
		t.Errorf("ca2m refs --check: %v\n%s", err, out)
	}
}

func TestPageNeedsToken(t *testing.T) {
	for name, tt := range map[string]struct {
		addr, token string
		made, bad   bool
	}{
		"loopback":        {"127.0.0.1:7420", "", false, false},
		"by name":         {"localhost:7420", "", false, false},
		"IPv6":            {"[::1]:7420", "", false, false},
		"every address":   {":7420", "", true, false},
		"all of IPv4":     {"0.0.0.0:7420", "", true, false},
		"with a token":    {"0.0.0.0:7420", "correct horse battery", false, false},
		"too short":       {"0.0.0.0:7420", "horse", false, true},
		"loopback, short": {"127.0.0.1:7420", "horse", false, true},
		"no port":         {"0.0.0.0", "", false, false},
	} {
		token, err := tokenFor(tt.addr, tt.token)
		if (err != nil) != tt.bad || err == nil && (token != tt.token) != tt.made || tt.made && len(token) < leastToken {
			t.Errorf("%s: token %q, %v", name, token, err)
		}
	}
}
