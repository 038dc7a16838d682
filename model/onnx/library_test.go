package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func empty(t *testing.T, dir string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLibraryIn(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		want  string
	}{
		"nothing":           {nil, ""},
		"by number":         {[]string{"libonnxruntime.so.1.9.0", "libonnxruntime.so.1.24.0"}, "libonnxruntime.so.1.24.0"},
		"patches":           {[]string{"libonnxruntime.so.1.24.10", "libonnxruntime.so.1.24.9"}, "libonnxruntime.so.1.24.10"},
		"two numbers":       {[]string{"libonnxruntime.so.1.24", "libonnxruntime.so.1.9.9"}, "libonnxruntime.so.1.24"},
		"one number":        {[]string{"libonnxruntime.so.1", "libonnxruntime.so"}, "libonnxruntime.so.1"},
		"version or not":    {[]string{"libonnxruntime.so", "libonnxruntime.so.1.9.0"}, "libonnxruntime.so.1.9.0"},
		"no version":        {[]string{"libonnxruntime.so"}, "libonnxruntime.so"},
		"macOS":             {[]string{"libonnxruntime.1.9.0.dylib", "libonnxruntime.1.24.0.dylib", "libonnxruntime.dylib"}, "libonnxruntime.1.24.0.dylib"},
		"providers":         {[]string{"libonnxruntime_providers_cuda.so", "libonnxruntime.so.txt", "libonnxruntime.so.1.24.0.bak"}, ""},
		"a folder, a file":  {[]string{"libonnxruntime.so"}, "libonnxruntime.so"},
		"versions in order": {[]string{"libonnxruntime.so.1.24.0", "libonnxruntime.so.1.25.0", "libonnxruntime.so.1.3.0"}, "libonnxruntime.so.1.25.0"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			empty(t, dir, tt.files...)
			empty(t, filepath.Join(dir, "libonnxruntime.so.9.9.9")) // a folder of that name is no library
			want := tt.want
			if want != "" {
				want = filepath.Join(dir, want)
			}
			if got := libraryIn(dir); got != want {
				t.Errorf("libraryIn = %s, want %s", got, want)
			}
		})
	}
}

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	empty(t, dir, "a.so", "b.so", "c.so", "d.so")
	file := func(name string) string { return filepath.Join(dir, name) }
	set := func(values ...string) {
		for i, v := range libraryVariables {
			t.Setenv(v, values[i])
		}
	}
	for _, tt := range []struct {
		named string
		env   []string
		want  string
	}{
		{file("a.so"), []string{file("b.so"), file("c.so"), file("d.so")}, file("a.so")},
		{"", []string{file("b.so"), file("c.so"), file("d.so")}, file("b.so")},
		{"", []string{"", file("c.so"), file("d.so")}, file("c.so")},
		{"", []string{"", "", file("d.so")}, file("d.so")},
	} {
		set(tt.env...)
		if got, err := FindLibrary(tt.named); got != tt.want || err != nil {
			t.Errorf("FindLibrary(%q) with %q = %s, %v; want %s", tt.named, tt.env, got, err, tt.want)
		}
	}
	set(file("gone"), file("c.so"), "")
	if _, err := FindLibrary(""); !errors.Is(err, ErrLibrary) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := FindLibrary(dir); !errors.Is(err, ErrLibrary) {
		t.Errorf("a folder: %v", err)
	}
	t.Chdir(dir)
	if got, err := FindLibrary("a.so"); err != nil || !filepath.IsAbs(got) {
		t.Errorf("a relative name = %s, %v: the loader would look for it elsewhere", got, err)
	}
}

// TestWorkingFolderIsNotSearched stands in a folder that holds libraries in all
// the places of a project.
func TestWorkingFolderIsNotSearched(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{".", "bin", "lib", "bin/lib", ".venv/lib/python3.11/site-packages/onnxruntime/capi"} {
		empty(t, filepath.Join(dir, sub), "libonnxruntime.so", "libonnxruntime.so.99.0.0")
	}
	empty(t, dir, "go.mod")
	for _, v := range libraryVariables {
		t.Setenv(v, "")
	}
	t.Setenv("LD_LIBRARY_PATH", strings.Join([]string{"", ".", "bin", "./lib"}, string(filepath.ListSeparator)))
	t.Setenv("DYLD_LIBRARY_PATH", "")
	t.Chdir(dir)
	if got, err := FindLibrary(""); err == nil && strings.HasPrefix(got, dir) {
		t.Errorf("found %s", got)
	}
	for _, place := range libraryPlaces() {
		if !filepath.IsAbs(place) || strings.HasPrefix(place, dir) {
			t.Errorf("looks in %q", place)
		}
	}
	t.Setenv("LD_LIBRARY_PATH", filepath.Join(dir, "bin"))
	if got, err := FindLibrary(""); err != nil || got != filepath.Join(dir, "bin", "libonnxruntime.so.99.0.0") {
		t.Errorf("with LD_LIBRARY_PATH: %s, %v", got, err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Dir(exe)
	want := []string{here, filepath.Join(here, "lib"), filepath.Join(filepath.Dir(here), "lib", "deixis")}
	if places := libraryPlaces(); !slices.Equal(places[:3], want) {
		t.Errorf("looks first in %q, not beside the program and where it is installed: %q", places[:3], want)
	}
}
