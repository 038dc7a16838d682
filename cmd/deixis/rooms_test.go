package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms are the top-level folders with Go in them, upstream first: a room may
// import those before it.
var rooms = []string{"camera", "model", "pipeline", "cmd"}

// leaves are the packages with a native library in them, and which.
var leaves = map[string]string{
	"deixis/camera/opencv":       "gocv.io/x/gocv",
	"deixis/pipeline/window":     "gocv.io/x/gocv",
	"deixis/pipeline/record":     "gocv.io/x/gocv",
	"deixis/model/onnx":          "github.com/yalue/onnxruntime_go",
	"deixis/pipeline/listen/mic": "github.com/gen2brain/malgo",
}

// A listed is a package as `go list` tells of it.
type listed struct {
	ImportPath string
	Imports    []string // of its code, not of its tests
	CgoFiles   []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,CgoFiles", "deixis/...")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// leafOf is the leaf that a package is or lies in; "" for none.
func leafOf(pkg string) string {
	for leaf := range leaves {
		if pkg == leaf || strings.HasPrefix(pkg, leaf+"/") {
			return leaf
		}
	}
	return ""
}

// mayImport says what is wrong with one package importing another; "" for nothing.
func mayImport(from, to string) string {
	for leaf, native := range leaves {
		if (to == native || strings.HasPrefix(to, native+"/")) && leaves[leafOf(from)] != native {
			return "a native library outside " + leaf
		}
	}
	room, ok := strings.CutPrefix(to, "deixis/")
	if !ok {
		return ""
	}
	own, _, _ := strings.Cut(strings.TrimPrefix(from, "deixis/"), "/")
	room, _, _ = strings.Cut(room, "/")
	at, upstream := slices.Index(rooms, own), slices.Index(rooms, room)
	switch {
	case at < 0 || upstream < 0:
		return "a room that is not in the plan"
	case own == "cmd", leafOf(to) != "" && strings.HasPrefix(from, to+"/"):
		return ""
	case leafOf(to) != "":
		return "a leaf: only cmd may"
	case own == room && !strings.HasPrefix(from, to+"/"):
		return "a neighbour: a package may import those above it"
	case upstream > at:
		return "downstream"
	case own != room && strings.Count(to, "/") > 1 && to != "deixis/camera/hang":
		return "the inside of another room"
	}
	return ""
}

func TestRooms(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		seen[p.ImportPath] = true
		for _, to := range p.Imports {
			if wrong := mayImport(p.ImportPath, to); wrong != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, wrong)
			}
		}
		if len(p.CgoFiles) > 0 && leafOf(p.ImportPath) == "" {
			t.Errorf("%s has C in it and is no leaf", p.ImportPath)
		}
	}
	for _, must := range []string{"deixis/camera", "deixis/model", "deixis/pipeline", "deixis/cmd/deixis", "deixis/camera/opencv"} {
		if !seen[must] {
			t.Errorf("go list does not know %s", must)
		}
	}
}

func TestMayImport(t *testing.T) {
	for name, tt := range map[string]struct {
		from, to string
		good     bool
	}{
		"standard library":      {"deixis/camera", "fmt", true},
		"upstream":              {"deixis/pipeline", "deixis/camera", true},
		"downstream":            {"deixis/camera", "deixis/model", false},
		"cmd from below":        {"deixis/pipeline", "deixis/cmd/deixis", false},
		"cmd imports a leaf":    {"deixis/cmd/deixis", "deixis/model/onnx", true},
		"a leaf from elsewhere": {"deixis/pipeline", "deixis/camera/opencv", false},
		"a leaf from its room":  {"deixis/camera", "deixis/camera/opencv", false},
		"parent":                {"deixis/pipeline/web", "deixis/pipeline", true},
		"neighbour":             {"deixis/pipeline/web", "deixis/pipeline/listen", false},
		"the shared inside":     {"deixis/model/onnx", "deixis/camera/hang", true},
		"look-alike":            {"deixis/pipeline/webcam", "deixis/pipeline/web", false},
		"native in its leaf":    {"deixis/pipeline/window", "gocv.io/x/gocv", true},
		"native inside a leaf":  {"deixis/camera/opencv/about", "gocv.io/x/gocv", true},
		"a leaf from inside it": {"deixis/model/onnx/speech", "deixis/model/onnx", true},
		"native elsewhere":      {"deixis/pipeline", "gocv.io/x/gocv", false},
		"native's inside":       {"deixis/camera", "gocv.io/x/gocv/contrib", false},
		"wrong native":          {"deixis/model/onnx", "gocv.io/x/gocv", false},
		"new room":              {"deixis/pipeline", "deixis/util", false},
	} {
		t.Run(name, func(t *testing.T) {
			if wrong := mayImport(tt.from, tt.to); (wrong == "") != tt.good {
				t.Errorf("%s importing %s: %q", tt.from, tt.to, wrong)
			}
		})
	}
}
