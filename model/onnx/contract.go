package onnx

import (
	"errors"
	"fmt"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
)

// ErrContract says that a graph is not what the bundle or this program expects.
var ErrContract = errors.New("graph breaks the bundle's contract")

// anySize is a side of a tensor whose size this program leaves to the bundle.
const anySize = -1

// A port is what this program feeds or reads, with anySize where it does not care.
type port struct {
	name, kind string
	shape      []int64
}

// wanted are the inputs and outputs that this program relies on, by graph.
func wanted(b *model.Bundle) map[string][2][]port {
	side, tokens, k := int64(b.Image.Size), int64(b.Image.Grid*b.Image.Grid), int64(b.Answers)
	mask := port{"attention_mask", "int64", []int64{anySize, anySize}}
	visual := port{"visual", "float32", []int64{anySize, anySize, anySize}} // the encoder may leave out tokens
	words := port{"words", "float32", []int64{anySize, anySize, anySize, anySize}}
	return map[string][2][]port{
		"frame":  {{{"image", "uint8", []int64{anySize, side, side, 3}}}, {visual}},
		"phrase": {{{"input_ids", "int64", []int64{anySize, anySize}}, mask}, {words}},
		"ground": {{visual, words, mask}, {
			{"boxes", "float32", []int64{anySize, k, 4}},
			{"scores", "float32", []int64{anySize, k}},
			{"present", "float32", []int64{anySize}},
			{"attention", "float32", []int64{anySize, tokens}},
		}},
	}
}

// clsBox is an output that the ground graph may have or not.
var clsBox = port{"cls_box", "float32", []int64{anySize, 4}}

// checkListing compares what bundle.json says of a graph with what this
// program needs of it.
func checkListing(b *model.Bundle, name string, g model.Graph) error {
	want := wanted(b)[name]
	if len(g.Inputs) != len(want[0]) {
		return fmt.Errorf("graph %s (%s): %w: bundle.json lists %d inputs, this program feeds %d", name, g.File, ErrContract, len(g.Inputs), len(want[0]))
	}
	outputs := want[1]
	if _, ok := find(g.Outputs, clsBox.name); ok {
		outputs = append(outputs, clsBox)
	}
	for i, listed := range [2][]model.Port{g.Inputs, g.Outputs} {
		for _, w := range [2][]port{want[0], outputs}[i] {
			got, ok := find(listed, w.name)
			if !ok {
				return fmt.Errorf("graph %s (%s): %w: bundle.json lists no %q", name, g.File, ErrContract, w.name)
			}
			if got.Type != w.kind || !fits(sizes(got.Shape), w.shape) {
				return differs(name, g, w.name, describe(got.Type, sizes(got.Shape)), describe(w.kind, w.shape))
			}
		}
	}
	return nil
}

// checkGraph compares what bundle.json says of a graph with the graph itself.
func checkGraph(name string, g model.Graph, inputs, outputs []ort.InputOutputInfo) error {
	for i, listed := range [2][]model.Port{g.Inputs, g.Outputs} {
		has := [2][]ort.InputOutputInfo{inputs, outputs}[i]
		what := [2]string{"inputs", "outputs"}[i]
		if len(has) != len(listed) {
			return fmt.Errorf("graph %s (%s): %w: it has %d %s, bundle.json lists %d", name, g.File, ErrContract, len(has), what, len(listed))
		}
		for _, h := range has {
			want, ok := find(listed, h.Name)
			if !ok {
				return fmt.Errorf("graph %s (%s): %w: bundle.json does not list its %q", name, g.File, ErrContract, h.Name)
			}
			kind := typeName(h.DataType)
			if kind != want.Type || !agrees(h.Dimensions, sizes(want.Shape)) {
				return differs(name, g, h.Name, describe(kind, h.Dimensions), describe(want.Type, sizes(want.Shape)))
			}
		}
	}
	return nil
}

func differs(name string, g model.Graph, which, got, want string) error {
	return fmt.Errorf("graph %s (%s): %w: %s is %s, want %s (export the bundle again)", name, g.File, ErrContract, which, got, want)
}

func find(ports []model.Port, name string) (model.Port, bool) {
	for _, p := range ports {
		if p.Name == name {
			return p, true
		}
	}
	return model.Port{}, false
}

// sizes turns a listed shape into numbers, a free side into anySize.
func sizes(shape []model.Dim) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = d.Size
		if d.Name != "" {
			out[i] = anySize
		}
	}
	return out
}

// fits says whether a listed shape can serve where this program wants another:
// a side may be free on either hand, and a batch of one is enough for a free one.
func fits(got, want []int64) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i] != want[i] && got[i] != anySize && want[i] != anySize {
			return false
		}
	}
	return true
}

// agrees says whether a graph's own shape keeps what the listing promises. A
// side the graph does not know may turn out as listed; a fixed side is not free.
func agrees(graph ort.Shape, listed []int64) bool {
	if len(graph) != len(listed) {
		return false
	}
	for i := range graph {
		if graph[i] >= 0 && graph[i] != listed[i] {
			return false
		}
	}
	return true
}

func describe(kind string, shape []int64) string {
	sides := make([]string, len(shape))
	for i, n := range shape {
		sides[i] = fmt.Sprint(n)
		if n < 0 {
			sides[i] = "?"
		}
	}
	return kind + " [" + strings.Join(sides, ",") + "]"
}

// typeName is bundle.json's name of an element type.
func typeName(t ort.TensorElementDataType) string {
	switch t {
	case ort.TensorElementDataTypeUint8:
		return "uint8"
	case ort.TensorElementDataTypeInt64:
		return "int64"
	case ort.TensorElementDataTypeFloat:
		return "float32"
	case ort.TensorElementDataTypeFloat16:
		return "float16"
	}
	return strings.ToLower(strings.TrimPrefix(t.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}
