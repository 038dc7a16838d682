package onnx

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deixis/model"
)

// TestBrokenContract loads bundles whose bundle.json lies about its graphs.
func TestBrokenContract(t *testing.T) {
	b := bundle(t)
	raw, err := os.ReadFile(b.Path("bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(graphs map[string]any)
		says   string
	}{
		"renamed input":   {func(g map[string]any) { listed(g, "frame", "inputs", 0)["name"] = "picture" }, `"image"`},
		"another type":    {func(g map[string]any) { listed(g, "frame", "inputs", 0)["type"] = "float32" }, "float32"},
		"another width":   {func(g map[string]any) { shape(g, "frame", "outputs", 0)[2] = 7 }, "visual"},
		"one side less":   {func(g map[string]any) { shape(g, "frame", "inputs", 0)[1] = 64 }, "image"},
		"wrong rank":      {func(g map[string]any) { listed(g, "ground", "outputs", 2)["shape"] = []any{"P", 1} }, "present"},
		"missing output":  {func(g map[string]any) { drop(g, "ground", "outputs") }, "boxes"},
		"missing input":   {func(g map[string]any) { drop(g, "phrase", "inputs") }, "phrase"},
		"swapped graphs":  {func(g map[string]any) { g["frame"], g["phrase"] = g["phrase"], g["frame"] }, "frame"},
		"free but fixed":  {func(g map[string]any) { shape(g, "frame", "inputs", 0)[1] = "H" }, "image"},
		"more than there": {func(g map[string]any) { extra(g, "ground") }, "ground"},
	} {
		t.Run(name, func(t *testing.T) {
			var said map[string]any
			if err := json.Unmarshal(raw, &said); err != nil {
				t.Fatal(err)
			}
			for _, n := range model.GraphNames { // one precision is enough to lie about
				g := said["graphs"].(map[string]any)
				g[n] = g[n].([]any)[:1]
			}
			tt.change(said["graphs"].(map[string]any))
			liar := reload(t, b, said)
			_, err := Open(t.Context(), liar, Options{Square: nearest})
			if !errors.Is(err, ErrContract) {
				t.Fatalf("error %v, want ErrContract", err)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not name %s", err, tt.says)
			}
		})
	}
}

func listed(graphs map[string]any, graph, list string, i int) map[string]any {
	return graphs[graph].([]any)[0].(map[string]any)[list].([]any)[i].(map[string]any)
}

func shape(graphs map[string]any, graph, list string, i int) []any {
	return listed(graphs, graph, list, i)["shape"].([]any)
}

func drop(graphs map[string]any, graph, list string) {
	g := graphs[graph].([]any)[0].(map[string]any)
	g[list] = g[list].([]any)[1:]
}

func extra(graphs map[string]any, graph string) {
	g := graphs[graph].([]any)[0].(map[string]any)
	g["outputs"] = append(g["outputs"].([]any), map[string]any{"name": "moon", "type": "float32", "shape": []any{"P"}})
}

// reload is b with another bundle.json, from a folder that links to its files,
// and what more adds.
func reload(t *testing.T, b *model.Bundle, said map[string]any, more ...func(dir string)) *model.Bundle {
	t.Helper()
	dir := t.TempDir()
	for _, f := range b.Contents() {
		whole, err := filepath.Abs(b.Path(f.Name))
		if err == nil {
			err = os.Link(whole, filepath.Join(dir, f.Name))
		}
		if err != nil { // another file system: copy
			var raw []byte
			if raw, err = os.ReadFile(whole); err == nil {
				err = os.WriteFile(filepath.Join(dir, f.Name), raw, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, add := range more {
		add(dir)
	}
	raw, err := json.Marshal(said)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "bundle.json"), raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	liar, err := model.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return liar
}
