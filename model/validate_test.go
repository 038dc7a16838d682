package model

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// smallBundle is a bundle.json with each thing once, of files that are not there.
func smallBundle() map[string]any {
	port := func(name string, shape ...any) map[string]any {
		return map[string]any{"name": name, "type": "float32", "shape": shape}
	}
	graphs := map[string]any{}
	for _, name := range GraphNames {
		graphs[name] = []any{map[string]any{
			"precision": "fp32", "file": name + ".onnx", "sha256": "beef",
			"inputs": []any{port("in", "N", 8, 8)}, "outputs": []any{port("out", "P", "L", 4)},
		}}
	}
	return map[string]any{
		"format": 1, "name": "small", "created": "2026-01-01",
		"image": map[string]any{"size": 8, "grid": 2}, "answers": 2,
		"phrase":    map[string]any{"tokenizer": "tokenizer.json", "max_tokens": 10, "max_phrases": 4},
		"threshold": map[string]any{"present": 0.5}, "graphs": graphs,
		"files": map[string]any{"tokenizer.json": "beef"},
	}
}

func shapeOf(m map[string]any, list string) map[string]any {
	return graph(m, "frame")[list].([]any)[0].(map[string]any)
}

// TestBounds holds each number of bundle.json at the last good value and the
// first bad one.
func TestBounds(t *testing.T) {
	sub := func(key string) func(m map[string]any) map[string]any {
		return func(m map[string]any) map[string]any { return m[key].(map[string]any) }
	}
	top := func(m map[string]any) map[string]any { return m }
	for name, tt := range map[string]struct {
		in        func(map[string]any) map[string]any
		key       string
		good, bad []any
		says      string
	}{
		"size":        {sub("image"), "size", []any{1, 2048}, []any{0, -1, 2049, 1 << 40}, "image.size"},
		"grid":        {sub("image"), "grid", []any{1, 512}, []any{0, 513}, "image.grid"},
		"tokens":      {sub("phrase"), "max_tokens", []any{3, 512}, []any{2, 513}, "phrase.max_tokens"},
		"phrases":     {sub("phrase"), "max_phrases", []any{1, 1024}, []any{0, 1025}, "phrase.max_phrases"},
		"answers":     {top, "answers", []any{1, 1024}, []any{0, 1025}, "answers"},
		"threshold":   {sub("threshold"), "present", []any{0, 1}, []any{-0.01, 1.01}, "threshold.present"},
		"name":        {top, "name", []any{strings.Repeat("x", 255), "\x1b[1mx"}, []any{"", strings.Repeat("x", 256), "\x1b[2J"}, "name"},
		"created":     {top, "created", []any{"", strings.Repeat("x", 255)}, []any{strings.Repeat("x", 256)}, "created"},
		"shape":       {in("inputs"), "shape", []any{[]any{}, []any{"N", 4096, 4096}, []any{1, 1, 1, 1, 1, 1, 1, 1}, []any{1 << 20}}, []any{[]any{"N", 1073741824, 1073741824}, []any{"N", 1048576, 10240}, []any{4096, 4097}, []any{1<<20 + 1}, []any{0}, []any{-1}, []any{""}, []any{nil}, []any{1, 1, 1, 1, 1, 1, 1, 1, 1}, []any{"\x1b"}, []any{strings.Repeat("x", 256)}}, "in"},
		"free shape":  {in("outputs"), "shape", []any{[]any{"P", "L", 1 << 18}, []any{"P", "P", 1 << 20}}, []any{[]any{"P", "L", 1 << 19}, []any{"P", "P", "N", 1<<20 + 1}}, "out"},
		"port's name": {in("inputs"), "name", []any{"x", strings.Repeat("x", 255)}, []any{"", "a\x1b[1mb", strings.Repeat("x", 256)}, "no name for an input"},
		"port's type": {in("inputs"), "type", []any{"uint8"}, []any{"a\nb"}, "no name for an input"},
		"file":        {func(m map[string]any) map[string]any { return graph(m, "frame") }, "file", []any{"x.onnx", "sub/x.onnx"}, []any{"", "x.ort", "x", "a\x1b.onnx", strings.Repeat("x", 251) + ".onnx"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for i, value := range append(tt.good, tt.bad...) {
				m := smallBundle()
				tt.in(m)[tt.key] = value
				err := parsed(t, m)
				if bad := i >= len(tt.good); (err != nil) != bad || bad && !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%.60v: error %v", value, err)
				}
				if err != nil && strings.ContainsRune(err.Error(), '\x1b') {
					t.Errorf("the error has an escape in it: %q", err)
				}
			}
		})
	}
}

func in(list string) func(map[string]any) map[string]any {
	return func(m map[string]any) map[string]any { return shapeOf(m, list) }
}

func parsed(t *testing.T, m map[string]any) error {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return new(Bundle).parse(raw)
}

// TestBoundsTogether: each number is good, and their product is not.
func TestBoundsTogether(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(m map[string]any)
		says   string
	}{
		"attention": {func(m map[string]any) {
			m["image"].(map[string]any)["grid"], m["phrase"].(map[string]any)["max_phrases"] = 512, 65
		}, "attention"},
		"attention that fits": {func(m map[string]any) {
			m["image"].(map[string]any)["grid"], m["phrase"].(map[string]any)["max_phrases"] = 512, 64
		}, ""},
		"many files": {func(m map[string]any) {
			for i := range maxFiles {
				m["files"].(map[string]any)[fmt.Sprint(i)] = "beef"
			}
		}, "1004 files"},
		"many ports": {func(m map[string]any) {
			ports := make([]any, maxPorts+1)
			for i := range ports {
				ports[i] = map[string]any{"name": "x", "type": "int64", "shape": []any{1}}
			}
			graph(m, "ground")["inputs"] = ports
		}, "more than 64 inputs"},
		"a graph of another name": {func(m map[string]any) {
			m["graphs"].(map[string]any)["extra"] = []any{map[string]any{"precision": "fp7", "file": "x.onnx"}}
		}, `graph "extra": unknown precision "fp7"`},
	} {
		t.Run(name, func(t *testing.T) {
			m := smallBundle()
			tt.change(m)
			if err := parsed(t, m); (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %q", err, tt.says)
			}
		})
	}
}

func FuzzBundle(f *testing.F) {
	for _, shape := range [][]any{{"N", 8}, {"N", 1073741824, 1073741824}, {"N", 1048576, 10240}, {-1}, {"\x1b[2J"}} {
		m := smallBundle()
		shapeOf(m, "inputs")["shape"] = shape
		raw, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, seed := range []string{
		"", "null", "[]", "{}", `{"format":1}`, `{"format":1e9}`, `{"format":"1"}`, `{"format":1,"graphs":{"frame":[{"inputs":[{"shape":[true]}]}]}}`,
		`{"format":1,"image":{"size":1e30}}`, `{"format":1,"files":{"../x":""}}`, `{"FORMAT":1,"format":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := &Bundle{}
		if b.parse(raw) != nil {
			return
		}
		if b.Format != Format || b.Name == "" || b.Name != Printable(b.Name) {
			t.Errorf("took format %d, name %q", b.Format, b.Name)
		}
		for _, file := range b.Contents() {
			if !filepath.IsLocal(file.Name) || file.Name != Printable(file.Name) {
				t.Errorf("took file %q", file.Name)
			}
		}
		for _, graphs := range b.Graphs {
			for _, g := range graphs {
				for _, p := range append(g.Inputs, g.Outputs...) {
					n := 1.0
					for _, d := range p.Shape {
						n *= float64(max(1, d.Size))
					}
					if n > maxElements {
						t.Errorf("took %s with %v", p.Name, p.Shape)
					}
				}
			}
		}
	})
}

func TestDimString(t *testing.T) {
	for want, d := range map[string]Dim{"N": {Name: "N"}, "3": {Size: 3}} {
		if got := d.String(); got != want {
			t.Errorf("%+v is %q, want %q", d, got, want)
		}
	}
}
