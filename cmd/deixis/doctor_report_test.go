package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
)

// TestBugReport: it has what a report needs, also where something is broken, and nothing
// that is anybody's.
func TestBugReport(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "home", "jo.doe")
	dir := filepath.Join(home, "bundles", "mine")
	t.Setenv("HOME", home)
	t.Setenv("DEIXIS_HTTP_TOKEN", "correct horse battery")
	t.Setenv(passwordEnv, "hunter2-hunter2")
	file := filepath.Join(t.TempDir(), "report.json")
	code, _, _ := deixis(t, "doctor", "--bundle", dir, "--ort-library", filepath.Join("/home/somebody/lib", host, "libonnxruntime.so"), "--bundle-report", file)
	if code != app.ExitModel { // there is no such bundle
		t.Errorf("code %d", code)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r bugReport
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if r.Go == "" || r.Cores < 1 || len(r.Checks) < 5 || r.Bundle.Err == "" || len(r.Set) < 2 || r.System == "" {
		t.Errorf("%+v", r)
	}
	wantKeys(t, string(raw), "made", "program", "go", "modules", "system", "kernel", "cpu", "cores", "units", "memory_mib", "onnxruntime", "providers",
		"bundle", "cameras", "microphones", "set", "checks")
	for _, secret := range []string{home, "jo.doe", "somebody", "correct horse", "hunter2", "/home/"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the report has %q in it", secret)
		}
	}
	if len(host) > 3 && strings.Contains(string(raw), "/"+host+"/") {
		t.Error("the report names the host")
	}
	if code, _, errs := deixis(t, "doctor", "--bundle", dir, "--bundle-report", file); code == app.ExitOK || !strings.Contains(errs, "kept") {
		t.Errorf("over a file: code %d, %s", code, errs)
	}
}

// TestBugReportOfABundle has its hashes.
func TestBugReportOfABundle(t *testing.T) {
	b := network(t)
	file := filepath.Join(t.TempDir(), "report.json")
	deixis(t, "doctor", "--bundle", b.Dir, "--bundle-report", file) // whatever else this machine has
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r bugReport
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if r.Bundle.Name != b.Name || len(r.Bundle.SHA256) != 64 || len(r.Bundle.Files) != len(b.Contents()) || r.ONNXRuntime == "" || r.Providers["cpu"] != "" {
		t.Errorf("%+v", r)
	}
}

func TestWithoutPeople(t *testing.T) {
	for text, want := range map[string]string{
		"no /home/jo/deixis/bundle here":             "no ~/deixis/bundle here",
		"/Users/jo/x, /root/.cache: gone":            "~/x, ~/.cache: gone",
		"open rtsp://admin:secret@10.0.0.7/stream?a": "open rtsp://admin:xxxxx@10.0.0.7/stream?xxxxx",
		"/dev/video0 cannot be opened":               "/dev/video0 cannot be opened",
	} {
		if got := withoutPeople(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
