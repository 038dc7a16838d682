package camera

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFindRecordings(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{
		"b10.mp4", "b9.MOV", "notes.txt", ".hidden.mp4", "photos/1.jpg", "photos/2.png", "photos/deep/c.mkv",
		"out/b9.mp4", ".cache/x.mp4", "mixed/a.avi", "mixed/p.jpg",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	out := func(dir string) bool { return filepath.Base(dir) == "out" }
	for _, tt := range []struct {
		source string
		want   []string
	}{
		{"", []string{"b9.MOV", "b10.mp4", "mixed", "mixed/a.avi", "photos", "photos/deep/c.mkv"}},
		{"b9.MOV", []string{"b9.MOV"}},
		{"notes.txt", []string{"notes.txt"}},
		{"*.mp4", []string{"b10.mp4"}},
		{"b*", []string{"b9.MOV", "b10.mp4"}},
		{"photos/*.jpg", []string{"photos/*.jpg"}},
		{"mixed/*", []string{"mixed/a.avi", "mixed/*"}},
	} {
		refs, err := FindRecordings(filepath.Join(root, filepath.FromSlash(tt.source)), out)
		if err != nil {
			t.Errorf("%q: %v", tt.source, err)
		}
		var got []string
		for _, r := range refs {
			rel, err := filepath.Rel(root, r.Path)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, filepath.ToSlash(rel))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.source, got, tt.want)
		}
	}
	if _, err := FindRecordings(filepath.Join(root, ".cache", "none"), out); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(root, "out", "p.heic"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	refs, err := FindRecordings(filepath.Join(root, "out"), func(string) bool { return false })
	if len(refs) != 1 || !errors.Is(err, ErrNoPicture) {
		t.Errorf("%v, %v", refs, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(root, "mixed"), link); err == nil {
		if refs, err := FindRecordings(link, out); err != nil || len(refs) != 2 || refs[1].Path != filepath.Join(link, "a.avi") {
			t.Errorf("of a link to a folder: %v, %v", refs, err)
		}
	}
	empty := t.TempDir()
	for _, source := range []string{empty, filepath.Join(empty, "*.mp4")} {
		if _, err := FindRecordings(source, out); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", source, err)
		}
	}
}
