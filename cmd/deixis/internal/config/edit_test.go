package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestWith: a value is changed where it stands, and nothing else is.
func TestWith(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after string
		path          string
		value         any
	}{
		"in its place":        {"# mine\nlive:\n  lock-score: 0.5 # half\n\n  mirror: true\n", "# mine\nlive:\n  lock-score: 0.6 # half\n\n  mirror: true\n", "live lock-score", 0.6},
		"quoted":              {"live: # all\n    name: \"a \\\" b\"   # c\n", "live: # all\n    name: door   # c\n", "live name", "door"},
		"single quotes":       {"name: 'it''s' # c\n", "name: door # c\n", "name", "door"},
		"a # in it":           {"name: 'a # b'\n", "name: 'door # 1'\n", "name", "door # 1"},
		"from no value":       {"live:\n  name: # c\n  mirror: true\n", "live:\n  name: door # c\n  mirror: true\n", "live name", "door"},
		"in place of its #":   {"live:\n  # How sure.\n  #lock-score: 0.5\n\n  # Left and right.\n  #mirror: false\n", "live:\n  # How sure.\n  lock-score: 0.6\n\n  # Left and right.\n  #mirror: false\n", "live lock-score", 0.6},
		"section, first":      {"live:\n  mirror: true\neval: {limit: 3}\n", "live:\n  lock-stale: 500ms\n  mirror: true\neval: {limit: 3}\n", "live lock-stale", 500 * time.Millisecond},
		"no section":          {"provider: cpu\n", "provider: cpu\nlive:\n  mirror: true\n", "live mirror", true},
		"no file to speak of": {"# nothing\n", "# nothing\nlive:\n  mirror: true\n", "live mirror", true},
		"empty":               {"", "live:\n  mirror: true\n", "live mirror", true},
		"no end of line":      {"provider: cpu", "provider: cuda\n", "provider", "cuda"},
		"top level":           {"live:\n  mirror: true\n", "live:\n  mirror: true\nprovider: cpu\n", "provider", "cpu"},
		"flow":                {"live: {mirror: true, name: a}\n", "live: {mirror: false, name: a}\n", "live mirror", false},
		"a word that is on":   {"live:\n  listen: ptt\n", "live:\n  listen: \"off\"\n", "live listen", "off"},
		"Windows":             {"live:\r\n  mirror: true\r\n", "live:\r\n  mirror: false\r\n", "live mirror", false},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Parse("c.yaml", []byte(tt.before))
			if err != nil {
				t.Fatal(err)
			}
			g, err := f.With(strings.Fields(tt.path), tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(g.text); got != tt.after {
				t.Errorf("it is now\n%s\nwant\n%s", got, tt.after)
			}
			if string(f.text) != tt.before {
				t.Error("the file before is changed, too")
			}
		})
	}
}

// TestWithHard: where one line will not do the file is written anew; comments stay.
func TestWithHard(t *testing.T) {
	for name, text := range map[string]string{
		"list":       "# top\nlive:\n  # which\n  phrase:\n    - a\n    - b\n  mirror: true # m\n",
		"long text":  "live:\n  phrase: |\n    a\n    b\n  mirror: true # m\n# end\n",
		"new in {}":  "live: {mirror: true} # m\n",
		"anchor":     "live:\n  name: &n door\n  phrase: &p a\n  mirror: true # m\n",
		"two lines":  "live:\n  phrase:\n    \"a\n    b\"\n  mirror: true # m\n",
		"two quotes": "live:\n  phrase: \"a\n    b\" # q\n  mirror: true # m\n",
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Parse("c.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			g, err := f.With([]string{"live", "phrase"}, []string{"c", "d: e"})
			if err != nil {
				t.Fatal(err)
			}
			want, _ := f.values()
			put(want, []string{"live", "phrase"}, []any{"c", "d: e"})
			if got, _ := g.values(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s\nsays %v, want %v", g.text, got, want)
			}
			if strings.Count(text, "#") != strings.Count(string(g.text), "#") {
				t.Errorf("comments were lost:\n%s", g.text)
			}
		})
	}
	f, err := Parse("c.yaml", []byte("live: true\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.With([]string{"live", "mirror"}, true); err == nil || !strings.Contains(err.Error(), "live.mirror") {
		t.Errorf("into what is no section: %v", err)
	}
}

// TestWrite: the file is replaced whole, keeps its rights, and a link stays one.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "link.yaml")
	if err := os.WriteFile(name, []byte("live:\n  mirror: true\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(name, link); err != nil {
		t.Skip(err)
	}
	f, err := Read(link)
	if err != nil {
		t.Fatal(err)
	}
	if f, err = f.With([]string{"live", "mirror"}, false); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	is, err := os.Stat(name)
	if err != nil || is.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", is.Mode(), err)
	}
	if l, err := os.Lstat(link); err != nil || l.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "live:\n  mirror: false\n" {
		t.Errorf("%q, %v", got, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v lie in the folder", left)
	}
	f.Name = filepath.Join(dir, "gone", "c.yaml")
	if err := f.Write(); err == nil || !strings.Contains(err.Error(), "c.yaml") {
		t.Errorf("to a folder that is not there: %v", err)
	}
}

// FuzzWith: whatever a file holds, a value is set and all others stay, or it is refused.
func FuzzWith(f *testing.F) {
	for _, s := range []string{"", "live:\n", "live:\n  name: a\n", "live: {name: 'a'}\n", "a: &a [x]\nlive:\n  phrase: *a\n  name: b\n", "live:\n  name: |\n    a\n", "\"live\":\n  \"name\": x\n", "live:\n  #name: a\nb: c", "? live\n: name: a\n"} {
		f.Add([]byte(s), "door")
	}
	f.Fuzz(func(t *testing.T, text []byte, v string) {
		before, err := Parse("c.yaml", text)
		if err != nil {
			return
		}
		want, err := before.values()
		if err != nil {
			return
		}
		after, err := before.With([]string{"live", "name"}, v)
		if err != nil {
			return
		}
		got, err := after.values()
		if err != nil {
			t.Fatalf("%q became %q: %v", text, after.text, err)
		}
		put(want, []string{"live", "name"}, got["live"].(map[string]any)["name"])
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %q", text, after.text)
		}
	})
}
