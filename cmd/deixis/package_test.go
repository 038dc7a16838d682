package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// packaging is the folder of what is put into the package.
func packaging(t *testing.T) string {
	t.Helper()
	root := app.Above(".package/version")
	if root == "" {
		t.Fatal("no folder .package in the working folder or above")
	}
	return filepath.Join(root, ".package")
}

// TestServiceCommand: the command line of the unit and the configuration that it reads
// are ones that the program takes.
func TestServiceCommand(t *testing.T) {
	noDesktop(t)
	b := network(t)
	unit, err := os.ReadFile(filepath.Join(packaging(t), "deixis.service"))
	if err != nil {
		t.Fatal(err)
	}
	const start, installed = "\nExecStart=/usr/bin/deixis ", "/etc/deixis/deixis.yaml"
	_, line, found := strings.Cut(string(unit), start)
	line, _, _ = strings.Cut(line, "\n")
	if !found || !strings.Contains(line, installed) {
		t.Fatalf("the unit starts %q", line)
	}
	args := strings.Fields(strings.ReplaceAll(line, installed, filepath.Join(packaging(t), "deixis.yaml")))
	args = append(args, "--source", "pattern://64x48?frames=3", "--http", "127.0.0.1:0", "--corrections=", "--bundle", b.Dir, "--state", filepath.Join(t.TempDir(), "phrases.json"))
	if code, _, errs := deixis(t, args...); code != app.ExitOK || !strings.Contains(errs, `phrases="the person on the left"`) {
		t.Errorf("deixis %q ended with %d: %s", args, code, errs)
	}
}

// TestVersion: the version of a checkout is one of Debian's, and rises with it.
func TestVersion(t *testing.T) {
	for _, tool := range []string{"git", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	script, err := os.ReadFile(filepath.Join(packaging(t), "version"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".package"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".package", "version"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	command := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_COMMITTER_DATE=2026-11-29T12:00:00Z", "GIT_AUTHOR_DATE=2026-11-29T12:00:00Z",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := []string{"git", "commit", "-q", "--allow-empty", "-m", "more"}
	last := ""
	for _, step := range []struct {
		do   []string
		want string // matches the whole version
	}{
		{nil, `0\.0~dev`},
		{[]string{"git", "init", "-q"}, `0\.0~dev`},
		{[]string{"git", "add", ".package"}, `0\.0~dev`},
		{commit, `0\.0~git20261129\.[0-9a-f]{7,}`},
		{[]string{"git", "tag", "v0.1.0-rc.1"}, `0\.1\.0~rc\.1`},
		{[]string{"git", "tag", "-d", "v0.1.0-rc.1"}, ""},
		{[]string{"git", "tag", "v0.1.0"}, `0\.1\.0`},
		{commit, `0\.1\.0\+1\.g[0-9a-f]{7,}`},
		{commit, `0\.1\.0\+2\.g[0-9a-f]{7,}`},
		{[]string{"git", "tag", "-a", "-m", "next", "v0.2.0"}, `0\.2\.0`},
		{[]string{"sh", "-c", "echo '# more' >> .package/version"}, `0\.2\.0\+dirty`},
	} {
		if step.do != nil {
			command(step.do[0], step.do[1:]...)
		}
		if step.want == "" {
			continue
		}
		got := command("sh", ".package/version")
		if !regexp.MustCompile("^" + step.want + "$").MatchString(got) {
			t.Errorf("after %q the version is %q, want %s", step.do, got, step.want)
		}
		if _, err := exec.LookPath("dpkg"); err == nil {
			command("dpkg", "--validate-version", got)
			if last != "" && last != got {
				command("dpkg", "--compare-versions", last, "lt", got)
			}
		}
		last = got
	}
}
