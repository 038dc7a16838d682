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

// edges says of each package which others of ours it may import. An import that is
// not listed fails the test, and so does a package that is not listed: adding a line
// is a decision that one can see. cmd/deixis may import everything.
var edges = map[string][]string{
	"camera":                      {},
	"camera/hang":                 {},
	"camera/child":                {},
	"camera/bitstream":            {},
	"camera/container":            {},
	"camera/opencv":               {"camera", "camera/bitstream", "camera/child", "camera/container", "camera/hang", "camera/rosbridge"},
	"camera/opencv/about":         {},
	"model":                       {"camera"},
	"model/refs":                  {"camera", "model"},
	"model/onnx":                  {"camera", "camera/hang", "model"},
	"model/onnx/speech":           {"camera", "camera/hang", "model", "model/onnx"},
	"pipeline":                    {"camera", "model"},
	"pipeline/track":              {"camera", "model", "pipeline"},
	"pipeline/line":               {"camera", "model", "pipeline", "pipeline/track"},
	"pipeline/overlay":            {"camera", "pipeline"},
	"pipeline/event":              {"camera", "model", "pipeline"},
	"pipeline/listen":             {"camera", "model", "pipeline"},
	"pipeline/listen/mic":         {"pipeline/listen"},
	"pipeline/web":                {"camera", "model", "pipeline", "pipeline/event", "pipeline/overlay", "pipeline/web/guard"},
	"pipeline/web/guard":          {},
	"pipeline/window":             {"camera", "camera/child", "model", "pipeline", "pipeline/overlay"},
	"pipeline/record":             {"camera", "pipeline", "pipeline/outfile"},
	"pipeline/outfile":            {"camera", "camera/hang"},
	"pipeline/natsconn":           {"camera"},
	"pipeline/natsconn/natstest":  {},
	"camera/rosbridge":            {},
	"camera/rosbridge/bridgetest": {},

	"pipeline/robot":           {"camera", "model", "pipeline", "pipeline/event", "pipeline/robot/lens"},
	"pipeline/robot/audit":     {"camera", "pipeline", "pipeline/robot"},
	"pipeline/robot/depth":     {"camera", "camera/rosbridge", "model", "pipeline", "pipeline/robot"},
	"pipeline/robot/lens":      {"model"},
	"pipeline/robot/mqtt":      {"pipeline/robot"},
	"pipeline/robot/nats":      {"pipeline/natsconn", "pipeline/robot"},
	"pipeline/robot/rosbridge": {"camera", "camera/rosbridge", "pipeline", "pipeline/robot", "pipeline/robot/lens"},
	"pipeline/robot/socket":    {"pipeline/robot"},

	"pipeline/annotate":             {"camera", "model", "pipeline", "pipeline/track"},
	"pipeline/annotate/jsonl":       {"camera", "pipeline", "pipeline/annotate", "pipeline/event"},
	"pipeline/annotate/coco":        {"model", "pipeline/annotate"},
	"pipeline/annotate/csv":         {"pipeline/annotate"},
	"pipeline/annotate/cvat":        {"pipeline/annotate"},
	"pipeline/annotate/datumaro":    {"model", "pipeline/annotate"},
	"pipeline/annotate/labelstudio": {"model", "pipeline/annotate"},
	"pipeline/annotate/mot":         {"pipeline/annotate"},
	"pipeline/annotate/webvtt":      {"model", "pipeline/annotate"},
	"pipeline/annotate/yolo":        {"pipeline/annotate"},
	"pipeline/annotate/refsjsonl":   {"model", "model/refs", "pipeline/annotate"},
	"pipeline/annotate/review":      {"camera", "model/refs", "pipeline/annotate"},
	"pipeline/annotate/segment":     {"camera", "pipeline/annotate"},
	"pipeline/annotate/runfile":     {"camera"},
	"pipeline/annotate/queue":       {"camera", "pipeline/annotate"},

	"pipeline/annotate/queue/inprocess": {"pipeline/annotate/queue"},
	"pipeline/annotate/queue/jetstream": {"camera", "pipeline/annotate/queue", "pipeline/natsconn"},

	"cmd/deixis/internal/app":    {"camera", "camera/opencv", "model", "model/onnx", "model/onnx/speech", "model/refs", "pipeline", "pipeline/listen", "pipeline/record"},
	"cmd/deixis/internal/config": {"camera", "cmd/deixis/internal/app"},
	"cmd/deixis/internal/bench": {"camera", "camera/opencv", "cmd/deixis/internal/app", "cmd/deixis/internal/bench/noise", "cmd/deixis/internal/bench/scene",
		"model", "pipeline", "pipeline/annotate", "pipeline/event", "pipeline/line", "pipeline/listen", "pipeline/overlay", "pipeline/record", "pipeline/track", "pipeline/web"},
	"cmd/deixis/internal/manual":      {},
	"cmd/deixis/internal/service":     {"camera/hang", "pipeline"},
	"cmd/deixis/internal/state":       {"camera"},
	"cmd/deixis/internal/bench/noise": {"pipeline/listen"},
	"cmd/deixis/internal/bench/scene": {"camera", "model"},
}

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
	room, ours := strings.CutPrefix(to, "deixis/")
	own := strings.TrimPrefix(from, "deixis/")
	if !ours || own == "cmd/deixis" {
		return ""
	}
	allowed, known := edges[own]
	switch {
	case !known:
		return "a package that is not in the table of edges"
	case !slices.Contains(allowed, room):
		return "not in the table of edges"
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
	for room := range edges {
		if !seen["deixis/"+room] {
			t.Errorf("the table of edges has %s, and go list does not", room)
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
		"a sink drives no line": {"deixis/pipeline/web", "deixis/pipeline/line", false},
		"native in its leaf":    {"deixis/pipeline/window", "gocv.io/x/gocv", true},
		"native inside a leaf":  {"deixis/camera/opencv/about", "gocv.io/x/gocv", true},
		"a leaf from inside it": {"deixis/model/onnx/speech", "deixis/model/onnx", true},
		"native elsewhere":      {"deixis/pipeline", "gocv.io/x/gocv", false},
		"native's inside":       {"deixis/camera", "gocv.io/x/gocv/contrib", false},
		"wrong native":          {"deixis/model/onnx", "gocv.io/x/gocv", false},
		"new room":              {"deixis/util", "deixis/camera", false},
	} {
		t.Run(name, func(t *testing.T) {
			if wrong := mayImport(tt.from, tt.to); (wrong == "") != tt.good {
				t.Errorf("%s importing %s: %q", tt.from, tt.to, wrong)
			}
		})
	}
}
