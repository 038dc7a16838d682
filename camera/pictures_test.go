package camera

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestParseFolderNamesWhatItSkips(t *testing.T) {
	t.Chdir(t.TempDir())
	touch(t, "f/a.JFIF", "f/b.jpe", "f/c.heic", "f/d.AVIF", "f/notes.txt", "f/.e.heic", "f/g.png/x.txt", "f/sub/x.jpg")
	if err := os.Symlink("nowhere", "f/h.jpg"); err != nil {
		t.Skip(err)
	}
	for _, source := range []string{"f", "f/", "f/*"} {
		r, err := Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{filepath.Join("f", "a.JFIF"), filepath.Join("f", "b.jpe")}; !slices.Equal(r.Paths, want) {
			t.Errorf("%s: pictures %q, want %q", source, r.Paths, want)
		}
		want := []string{
			"c.heic (a format that is not read)", "d.AVIF (a format that is not read)",
			"g.png (a folder)", "h.jpg (no such file or directory)",
		}
		if !slices.Equal(r.Skipped, want) {
			t.Errorf("%s: skipped %q, want %q", source, r.Skipped, want)
		}
	}
}

func TestParseFolderOfForeignPictures(t *testing.T) {
	t.Chdir(t.TempDir())
	touch(t, "f/a.heic", "f/b.avif")
	for _, source := range []string{"f", "f/*"} {
		r, err := Parse(source)
		if !errors.Is(err, ErrNoPicture) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %+v, %v, want ErrNoPicture", source, r, err)
		}
	}
}

func TestName(t *testing.T) {
	for name, tt := range map[string]struct{ source, path, want string }{
		"folder":             {"f", "f/a.jpg", "a.jpg"},
		"folder like glob":   {"f[1]", "f[1]/a.jpg", "a.jpg"},
		"working folder":     {".", "a.jpg", "a.jpg"},
		"absolute":           {"/d/f", "/d/f/a.jpg", "a.jpg"},
		"one picture":        {"d/f.jpg", "d/f.jpg", "f.jpg"},
		"glob":               {"f/a*.jpg", "f/a1.jpg", "a1.jpg"},
		"glob over folders":  {"f/*/a.jpg", "f/x/a.jpg", "x/a.jpg"},
		"glob within a name": {"f/x*/a.jpg", "f/x1/a.jpg", "x1/a.jpg"},
		"glob from here":     {"*/a.jpg", "x/a.jpg", "x/a.jpg"},
		"two dots in front":  {"f", "f/..a.jpg", "..a.jpg"},
	} {
		if got := (Ref{Path: filepath.FromSlash(tt.source)}).Name(filepath.FromSlash(tt.path)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestUnrelated(t *testing.T) {
	for name, tt := range map[string]struct {
		ref  Ref
		want bool
	}{
		"pictures":            {Ref{Kind: Images}, true},
		"pictures of a scene": {Ref{Kind: Images, Sequence: true}, false},
		"video":               {Ref{Kind: File}, false},
	} {
		if got := tt.ref.Unrelated(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNames(t *testing.T) {
	if got := Names([]string{"a", "b"}); got != "a, b" {
		t.Errorf("two: %q", got)
	}
	if got := Names(make([]string, 10)); got != ", , , , , , , , , " {
		t.Errorf("ten: %q", got)
	}
	if got := Names(make([]string, 11)); got != ", , , , , , , , , , …" {
		t.Errorf("eleven: %q", got)
	}
}
