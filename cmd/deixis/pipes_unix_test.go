//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// TestNamedPipes: a file that would never come to an end, wherever a person may name
// one, is refused at once and by name.
func TestNamedPipes(t *testing.T) {
	noDesktop(t)
	b := network(t)
	dir := t.TempDir()
	pipe := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		return path
	}
	bundle := filepath.Join(dir, "bundle")
	if err := os.CopyFS(bundle, os.DirFS(b.Dir)); err != nil {
		t.Fatal(err)
	}
	graph := b.Contents()[0].Name
	os.Remove(filepath.Join(bundle, graph))
	pipe("bundle/" + graph)
	const pattern = "pattern://64x48?frames=2"
	pic := picture(t)
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"picture.jpg":        {[]string{"point", pipe("picture.jpg"), "cup"}, app.ExitInput},
		"video.mp4":          {[]string{"annotate", pipe("video.mp4"), "-p", "x", "--out", t.TempDir()}, app.ExitInput},
		"live.mp4":           {[]string{"live", pipe("live.mp4"), "-p", "x", "--headless"}, app.ExitInput},
		"refs.jsonl":         {[]string{"eval", pipe("refs.jsonl")}, app.ExitInput},
		"config.yaml":        {[]string{"doctor", "--config", pipe("config.yaml")}, app.ExitUsage},
		"record.mp4":         {[]string{"live", pattern, "-p", "x", "--headless", "--record", pipe("record.mp4")}, app.ExitFailed},
		graph:                {[]string{"point", pic, "cup", "--bundle", bundle}, app.ExitModel},
		"bundle/bundle.json": {[]string{"bundle", "info", filepath.Dir(pipe("other/bundle.json"))}, app.ExitModel},
	} {
		t.Run(name, func(t *testing.T) {
			args := tt.args
			if name != graph && !strings.HasPrefix(name, "bundle") {
				args = append(args, "--bundle", b.Dir)
			}
			code, _, errs := deixis(t, append(args, "--log-level", "error")...)
			if code != tt.code || !strings.Contains(errs, filepath.Base(name)) || !strings.Contains(errs, "not a regular file") || strings.Count(errs, "\n") != 1 {
				t.Errorf("code %d, want %d and a line that names %q: %s", code, tt.code, name, errs)
			}
		})
	}
}
