package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// FuzzConfig: whatever a --config file holds, the program answers with a line or with
// its help, and does not start.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{
		"", "bundle: x\n", "log-level: debug\nphrase: [a, b]\n", "phrase: {a: b}\n", "http: 127.0.0.1:0\nlock-score: 0.5\n",
		"a: &a [*a]\n", "- 1\n- 2\n", "record: !!binary aGk=\n", "x: 1e999\n", "\xff\xfe", "listen: always\nsize: 1x1\n", "max-pixels: -1\n", strings.Repeat("[", 2000),
		"a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n",
	} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, config []byte) {
		file := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(file, config, 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := deixis(t, "bundle", "info", filepath.Join(dir, "no such bundle"), "--config", file)
		if code != app.ExitUsage && code != app.ExitModel || strings.Count(errs, "\n") != 1 {
			t.Errorf("code %d, %q", code, errs)
		}
	})
}
