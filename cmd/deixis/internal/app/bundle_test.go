package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindBundle(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(home)
	for _, file := range []string{"assets/models/small/bundle.json", "assets/models/both/bundle.json", "both/bundle.json"} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for given, want := range map[string]string{
		"small":                filepath.Join(home, "assets/models/small"), // a name
		"both":                 "both",                                     // a folder comes before a name
		"./small":              "./small",                                  // no name
		"unknown":              "unknown",                                  // told missing where it is opened
		"assets/models/small":  "assets/models/small",
		"assets/models/small/": "assets/models/small/",
	} {
		got, err := (&Globals{Common: Common{BundleDir: given}}).FindBundle()
		if err != nil || got != want {
			t.Errorf("--bundle %s: %s, %v; want %s", given, got, err, want)
		}
	}
}
