package main

import (
	"errors"
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
	c := &corrections{dir: dir, limit: 1 << 20, log: slog.New(slog.DiscardHandler)}
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

// TestCorrectionsHaveABound: a folder that is full takes no more until somebody
// makes room.
func TestCorrectionsHaveABound(t *testing.T) {
	dir := t.TempDir()
	c := &corrections{dir: dir, limit: 1 << 20, log: slog.New(slog.DiscardHandler)}
	said := web.Correction{Phrase: "x", JPEG: make([]byte, 300<<10)}
	for i := range 9 { // two pictures, each of four phrases, and a third
		said.JPEG[0] = byte(i / 4)
		if err := c.keep(said); err != nil {
			t.Fatal(err)
		}
	}
	said.JPEG[0] = 99
	if err := c.keep(said); !errors.Is(err, web.ErrFull) || !strings.Contains(err.Error(), "--corrections-limit") {
		t.Errorf("beyond the bound: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "pictures")); err != nil {
		t.Fatal(err)
	}
	if err := c.keep(said); err != nil {
		t.Errorf("after somebody made room: %v", err)
	}
}

func TestPageFlags(t *testing.T) {
	where := "somewhere"
	none := ""
	for name, tt := range map[string]struct {
		addr  string
		given *string
		want  string
	}{
		"this machine":          {"127.0.0.1:1", nil, "corrections"},
		"other machines":        {"0.0.0.0:1", nil, ""},
		"other machines, asked": {"0.0.0.0:1", &where, where},
		"none":                  {"127.0.0.1:1", &none, ""},
	} {
		if got := (&pageArgs{Fixes: tt.given}).corrections(tt.addr); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	b := network(t)
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no limit":          {[]string{"--corrections-limit", "0"}, app.ExitUsage, "--corrections-limit"},
		"half a pair":       {[]string{"--http-cert", "a.pem"}, app.ExitUsage, "--http-key"},
		"base with query":   {[]string{"--http-base", "/a?b"}, app.ExitUsage, "--http-base"},
		"no certificate":    {[]string{"--http-cert", "gone.pem", "--http-key", "gone.pem"}, app.ExitInput, "gone.pem"},
		"not a certificate": {[]string{"--http-cert", written(t, "a.pem", "text"), "--http-key", written(t, "b.pem", "text")}, app.ExitInput, "a.pem"},
	} {
		code, _, errs := deixis(t, append([]string{"live", "pattern://64x48?frames=3", "--headless", "--http", "127.0.0.1:0", "--bundle", b.Dir, "--log-level", "error"}, tt.args...)...)
		if code != tt.code || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, tt.says) {
			t.Errorf("%s: code %d, %q; want %d and %q", name, code, errs, tt.code, tt.says)
		}
	}
}

// TestTokenIsNotLogged: one that was given; one that is made up nobody could know
// otherwise.
func TestTokenIsNotLogged(t *testing.T) {
	noDesktop(t)
	b := network(t)
	const token = "correct horse; battery"
	for name, tt := range map[string]struct {
		args  []string
		shown bool
	}{"given": {[]string{"--http-token", token}, false}, "made up": {nil, true}} {
		code, _, errs := deixis(t, append([]string{"live", "pattern://64x48?frames=3", "--headless", "--events", "-", "--http", "0.0.0.0:0", "--bundle", b.Dir}, tt.args...)...)
		if code != app.ExitOK || strings.Contains(errs, "correct") && strings.Contains(errs, "horse") || strings.Contains(errs, "?token=") != tt.shown || !strings.Contains(errs, "http://0.0.0.0:") {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
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
