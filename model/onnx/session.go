package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrRun says that a graph could not be run, or answered nonsense: another
// provider may do better.
var ErrRun = errors.New("the network failed")

// SessionOptions are what ONNX Runtime is told of one graph. The zero value of
// each is its default.
type SessionOptions struct {
	Threads int  // on the CPU, within an operator; 0 is one a core
	Spin    bool // threads wait actively

	Provider string            // "tensorrt", "cuda", or the CPU
	CUDA     map[string]string // settings of the CUDA provider
	TensorRT map[string]string // and of TensorRT's
}

// A Session is one graph ready to run. Any goroutine may run it; one closes it,
// after the last run.
type Session struct {
	run *ort.DynamicAdvancedSession

	Inputs, Outputs []ort.InputOutputInfo // all of the graph's, in its own order
}

// OpenSession loads a graph. choose sees the graph's inputs and outputs before
// the graph is optimised, which may take minutes, and returns the names of those
// that Run will be given, in that order; its error is OpenSession's. A file that
// is no graph is an ErrContract. ONNX Runtime must be in use (see Use).
func OpenSession(file string, o SessionOptions, choose func(inputs, outputs []ort.InputOutputInfo) (in, out []string, err error)) (*Session, error) {
	so, err := sessionOptions(o)
	if err != nil {
		return nil, fmt.Errorf("set up session: %w", err)
	}
	defer so.Destroy()
	// A provider that is not there says so here, before anything is loaded.
	if err := appendProvider(so, o.Provider, o.CUDA, o.TensorRT); err != nil {
		return nil, err
	}
	s := &Session{}
	if s.Inputs, s.Outputs, err = graphPorts(file); err != nil {
		return nil, fmt.Errorf("read graph %s: %w: %w", file, ErrContract, err)
	}
	in, out, err := choose(s.Inputs, s.Outputs)
	if err != nil {
		return nil, err
	}
	if s.run, err = ort.NewDynamicAdvancedSession(file, in, out, so); err != nil {
		return nil, fmt.Errorf("load graph %s: %w", file, err)
	}
	return s, nil
}

// Run runs the graph on the inputs and outputs chosen. An output that is nil is
// made, and the caller destroys it. When ctx is done, the run ends after the
// operator at hand. Errors are ctx's and ErrRun.
func (s *Session) Run(ctx context.Context, inputs, outputs []ort.Value) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o, err := ort.NewRunOptions()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRun, err)
	}
	defer o.Destroy()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		o.Terminate()
	})
	err = s.run.RunWithOptions(inputs, outputs, o)
	if !stop() {
		<-ended // o is in use until then
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRun, err)
	}
	return nil
}

// Close frees the graph.
func (s *Session) Close() error { return s.run.Destroy() }

// graphPorts reads a graph's inputs and outputs as cheaply as ONNX Runtime can:
// it has to load the whole graph for them.
func graphPorts(file string) (inputs, outputs []ort.InputOutputInfo, err error) {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, nil, err
	}
	defer so.Destroy()
	if err := errors.Join(
		so.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll),
		so.AddSessionConfigEntry("session.disable_prepacking", "1"),
	); err != nil {
		return nil, nil, err
	}
	return ort.GetInputOutputInfoWithOptions(file, so)
}

// sessionOptions are the settings of every provider.
func sessionOptions(o SessionOptions) (*ort.SessionOptions, error) {
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
func sessionEntries(o SessionOptions) map[string]string {
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
