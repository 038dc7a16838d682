package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDataFrom(t *testing.T) {
	for name, tt := range map[string]struct {
		files       []string // below the root
		program, in string   // folder of the program, working folder
		want        string
	}{
		"nowhere":                   {nil, "usr/bin", "home", ""},
		"a checkout":                {[]string{"src/assets/models/x/bundle.json"}, "src/bin", "home", "src/assets/models/x"},
		"installed":                 {[]string{"usr/share/deixis/models/x/bundle.json"}, "usr/bin", "home", "usr/share/deixis/models/x"},
		"another prefix":            {[]string{"usr/share/deixis/models/x/bundle.json", "usr/local/share/deixis/models/x/bundle.json"}, "usr/local/bin", "home", "usr/local/share/deixis/models/x"},
		"the working folder":        {[]string{"home/assets/models/x/bundle.json"}, "usr/bin", "home/deep/down", "home/assets/models/x"},
		"the program's goes first":  {[]string{"home/assets/models/x/bundle.json", "usr/share/deixis/models/x/bundle.json"}, "usr/bin", "home", "usr/share/deixis/models/x"},
		"a folder without the file": {[]string{"usr/share/deixis/models/x/README.md"}, "usr/bin", "home", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range tt.files {
				if err := os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, file), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := tt.want
			if want != "" {
				want = filepath.Join(root, want)
			}
			got := dataFrom([]string{filepath.Join(root, tt.program), filepath.Join(root, tt.in)}, "models/x", "bundle.json")
			if got != want {
				t.Errorf("dataFrom = %q, want %q", got, want)
			}
		})
	}
}
