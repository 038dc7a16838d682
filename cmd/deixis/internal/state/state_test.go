package state

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// kept runs a program that is given phrases, is asked for others and ends.
func kept(t *testing.T, path string, given []string, asked ...[]string) (first []string) {
	t.Helper()
	f, first := Open(path, given, quiet)
	for _, phrases := range asked {
		f.Keep(phrases)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f.Run(ctx) // writes what is left
	return first
}

func TestRestart(t *testing.T) {
	given, cup, none := []string{"a dog"}, []string{"the cup; the left one", "a \"dog\"\n"}, []string{}
	path := filepath.Join(t.TempDir(), "phrases.json")
	for _, step := range []struct {
		name  string
		given []string
		asked [][]string
		first []string
	}{
		{"the first start", given, [][]string{given, cup}, given},
		{"a restart", given, nil, cup},
		{"another", given, [][]string{none}, cup},
		{"after all was taken back", given, nil, none},
		{"given something else", cup, [][]string{cup}, cup},
		{"that is kept, too", cup, [][]string{given}, cup},
		{"and what was asked then", cup, nil, given},
		{"given nothing", nil, nil, none},
	} {
		if first := kept(t, path, step.given, step.asked...); !slices.Equal(first, step.first) {
			t.Errorf("%s: looks for %q first, want %q", step.name, first, step.first)
		}
	}
}

func TestOpenBroken(t *testing.T) {
	given := []string{"a dog"}
	for name, content := range map[string]string{
		"empty":         "",
		"half":          `{"given": ["a dog"], "phr`,
		"other JSON":    `[1, 2]`,
		"other types":   `{"given": "a dog"}`,
		"no text":       "\x00\xff",
		"far too large": strings.Repeat(" ", most+1),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phrases.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			if _, first := Open(path, given, slog.New(slog.NewTextHandler(&log, nil))); !slices.Equal(first, given) {
				t.Errorf("looks for %q first", first)
			}
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), path) {
				t.Errorf("logs %q, want a line that names the file", log.String())
			}
			cup := []string{"the cup"}
			kept(t, path, given, cup)
			if first := kept(t, path, given); !slices.Equal(first, cup) {
				t.Errorf("after the next phrases: %q, want %q", first, cup)
			}
		})
	}
	t.Run("a folder", func(t *testing.T) {
		if first := kept(t, t.TempDir(), given, []string{"the cup"}); !slices.Equal(first, given) {
			t.Errorf("looks for %q first", first)
		}
	})
}

// Only the newest of phrases that come faster than a disk writes is written.
func TestKeepNeverWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phrases.json")
	f, _ := Open(path, nil, quiet)
	for range 1000 {
		f.Keep([]string{"an old one"})
	}
	f.Keep([]string{"the newest"})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f.Run(ctx)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got content
	if err := json.Unmarshal(raw, &got); err != nil || !slices.Equal(got.Phrases, []string{"the newest"}) {
		t.Errorf("the file says %s, %v", raw, err)
	}
	var none *File
	none.Keep([]string{"nothing is kept"})
	none.Run(t.Context())
}

// A place that cannot be written is told of once, until it could be.
func TestRunTellsOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	var log bytes.Buffer
	f, _ := Open(filepath.Join(dir, "phrases.json"), nil, slog.New(slog.NewTextHandler(&log, nil)))
	failed := false
	put := func(phrase string) { failed = f.put([]string{phrase}, failed) }
	put("a")
	put("b")
	if n := strings.Count(log.String(), "not kept"); n != 1 || !failed {
		t.Fatalf("told %d times: %s", n, log.String())
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put("c")
	if failed {
		t.Errorf("fails still: %s", log.String())
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	put("d")
	put("e")
	if n := strings.Count(log.String(), "not kept"); n != 2 {
		t.Errorf("told %d times after it worked again: %s", n, log.String())
	}
}
