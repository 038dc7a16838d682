package onnx

import (
	"errors"
	"fmt"
	"os"

	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// openSession loads one graph on a provider and compares it with the bundle.
// outputs are the ones that run will fill, in order.
func openSession(b *model.Bundle, name string, g model.Graph, provider string, o Options, outputs []string) (*ort.DynamicAdvancedSession, error) {
	s, err := tryOpen(b, name, g, provider, o, outputs, true)
	if err != nil && provider == "tensorrt" && !errors.Is(err, ErrContract) {
		// A graph that TensorRT takes only in parts has inner inputs that no profile
		// names; it learns their shapes as they come.
		if again, errAgain := tryOpen(b, name, g, provider, o, outputs, false); errAgain == nil {
			return again, nil
		}
	}
	return s, err
}

func tryOpen(b *model.Bundle, name string, g model.Graph, provider string, o Options, outputs []string, profiled bool) (*ort.DynamicAdvancedSession, error) {
	so, err := sessionOptions(o)
	if err != nil {
		return nil, fmt.Errorf("set up graph %s: %w", name, err)
	}
	defer so.Destroy()
	// A provider that is not there says so here, before anything is loaded.
	if err := appendProvider(so, provider, cudaOptions(o), tensorrtOptions(o, b, g, profiled)); err != nil {
		return nil, err
	}
	if err := checkFile(b, name, g); err != nil {
		return nil, err
	}
	var inputs []string
	for _, in := range g.Inputs {
		inputs = append(inputs, in.Name)
	}
	s, err := ort.NewDynamicAdvancedSession(b.Path(g.File), inputs, outputs, so)
	if err != nil {
		return nil, fmt.Errorf("load graph %s (%s) on %s: %w", name, g.File, provider, err)
	}
	return s, nil
}

// checkFile reads the graph's inputs and outputs, without optimising it, and
// holds them against bundle.json.
func checkFile(b *model.Bundle, name string, g model.Graph) error {
	plain, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer plain.Destroy()
	if err := plain.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll); err != nil {
		return err
	}
	inputs, outputs, err := ort.GetInputOutputInfoWithOptions(b.Path(g.File), plain)
	if err != nil {
		return fmt.Errorf("read graph %s (%s): %w: %w", name, g.File, ErrContract, err)
	}
	return checkGraph(name, g, inputs, outputs)
}

// sessionOptions are the settings of every provider.
func sessionOptions(o Options) (*ort.SessionOptions, error) {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	var errs []error
	if o.Threads > 0 {
		errs = append(errs, so.SetIntraOpNumThreads(o.Threads))
	}
	for key, value := range sessionEntries(o) {
		errs = append(errs, so.AddSessionConfigEntry(key, value))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, so.Destroy())
	}
	return so, nil
}

// sessionEntries keep threads from spinning while they wait: the camera and
// the window need the cores between two frames.
func sessionEntries(o Options) map[string]string {
	return map[string]string{
		"session.intra_op.allow_spinning": flag(o.Spin),
		"session.inter_op.allow_spinning": flag(o.Spin),
	}
}

// appendProvider adds what runs the graph; the CPU runs what a GPU cannot, and
// needs no adding.
func appendProvider(so *ort.SessionOptions, provider string, cuda, tensorrt map[string]string) error {
	switch provider {
	case "tensorrt":
		if err := appendTensorRT(so, tensorrt); err != nil {
			return err
		}
		return appendCUDA(so, cuda) // for the nodes TensorRT does not know
	case "cuda":
		return appendCUDA(so, cuda)
	}
	return nil
}

func appendTensorRT(so *ort.SessionOptions, settings map[string]string) error {
	t, err := ort.NewTensorRTProviderOptions()
	if err != nil {
		return err
	}
	defer t.Destroy()
	if err := os.MkdirAll(settings["trt_engine_cache_path"], 0o755); err != nil {
		return fmt.Errorf("make folder for TensorRT's engines: %w (name another with --engine-cache DIR)", err)
	}
	if err := t.Update(settings); err != nil {
		return err
	}
	return so.AppendExecutionProviderTensorRT(t)
}

func appendCUDA(so *ort.SessionOptions, settings map[string]string) error {
	c, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer c.Destroy()
	if err := c.Update(settings); err != nil {
		return err
	}
	return so.AppendExecutionProviderCUDA(c)
}
