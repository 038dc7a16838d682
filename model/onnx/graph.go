package onnx

import (
	"errors"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model"
)

// openGraph loads one graph of a bundle on a provider and compares it with
// bundle.json. outputs are the ones that Run will fill, in order.
func openGraph(b *model.Bundle, name string, g model.Graph, provider string, o Options, outputs []string) (*Session, error) {
	s, err := openProfiled(b, name, g, provider, o, outputs, true)
	if err != nil && provider == "tensorrt" && !errors.Is(err, ErrContract) {
		// A graph that TensorRT takes only in parts has inner inputs that no profile
		// names; it learns their shapes as they come.
		if again, errAgain := openProfiled(b, name, g, provider, o, outputs, false); errAgain == nil {
			return again, nil
		}
	}
	return s, err
}

// openProfiled opens a graph with or without TensorRT's profile of shapes.
func openProfiled(b *model.Bundle, name string, g model.Graph, provider string, o Options, outputs []string, profiled bool) (*Session, error) {
	so := SessionOptions{
		Threads: o.Threads, Spin: o.Spin, Provider: provider,
		CUDA: cudaOptions(o), TensorRT: tensorrtOptions(o, b, g, profiled),
	}
	return OpenSession(b.Path(g.File), so, func(in, out []ort.InputOutputInfo) (inputs, _ []string, err error) {
		for _, port := range g.Inputs {
			inputs = append(inputs, port.Name)
		}
		return inputs, outputs, checkGraph(name, g, in, out)
	})
}
