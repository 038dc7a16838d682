// Package onnx runs a bundle's graphs with ONNX Runtime. It is the only
// package that knows sessions and tensors; none of them leaves it.
package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"deixis/camera"
	"deixis/model"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrClosed says that a Grounder was used after Close.
var ErrClosed = errors.New("grounder is closed")

// ErrRun says that a graph could not be run, or answered nonsense: another
// provider may do better.
var ErrRun = errors.New("the network failed")

// Options say how and where the network runs. The zero value of each is its default.
type Options struct {
	Provider  string // "auto", "tensorrt", "cuda" or "cpu"
	Precision string // "auto", "fp32", "fp16" or "int8"
	Library   string // path of ONNX Runtime's shared library; "" searches, see FindLibrary

	Threads int  // on the CPU; 0 is one a core
	Spin    bool // threads wait actively: a little faster alone, slower beside anything else

	Device     int    // number of the GPU
	ArenaLimit int64  // most memory CUDA's arena takes, bytes; 0 is no limit
	FP16       bool   // TensorRT may compute in half precision
	CacheDir   string // TensorRT's engines; "" is the user's cache folder
	Workspace  int64  // TensorRT's scratch memory, bytes; 0 is 1 GiB

	// Square writes f, stretched to side by side, to rgb (3*side*side bytes, red
	// first). It must be the resize that the network was trained with.
	Square func(f *camera.Frame, side int, rgb []byte) error

	Attention bool // fill Answer.Attention

	// Trying is told each provider before it is tried: building TensorRT's engines
	// takes minutes. nil: nobody is told.
	Trying func(provider string)
	// Check is asked whether a provider that runs gets the right answers; its error
	// passes the provider over. nil: all are trusted.
	Check func(ctx context.Context, g *Grounder) error
}

// keptPhrases is how many phrases a Grounder remembers.
const keptPhrases = 64

// Grounder answers where phrases are in frames. Any goroutine may call it; two
// frames are answered at a time, and further calls wait.
type Grounder struct {
	bundle *model.Bundle
	square func(f *camera.Frame, side int, rgb []byte) error
	chosen Chosen

	closing sync.Once
	free    closers    // everything native, in the order it was made
	lanes   chan *lane // those that are free; closed by Close
	ahead   squares    // images of frames whose turn is to come
	words   reader

	frameRun, phraseRun, groundRun *ort.DynamicAdvancedSession
	layers, width                  int64     // of a phrase's states
	visual                         ort.Shape // out of frame.onnx, into ground.onnx
	outputs                        []string
}

// Open loads the bundle's graphs on the best provider and runs each once. It
// leaves nothing behind when it fails: errors are ErrLibrary, ErrProvider,
// ErrContract. The caller closes the Grounder.
func Open(ctx context.Context, b *model.Bundle, o Options) (*Grounder, error) {
	if o.Square == nil {
		return nil, errors.New("open network: Options.Square is not set")
	}
	library, release, err := shared.acquire(o.Library)
	if err != nil {
		return nil, err
	}
	version := ort.GetVersion()
	var g *Grounder
	chosen, err := choose(o.Provider, func(provider string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o.Trying != nil {
			o.Trying(provider)
		}
		g, err = load(ctx, b, provider, o)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, release())
	}
	chosen.Precision, chosen.Library, chosen.Version = g.chosen.Precision, library, version
	g.chosen = chosen
	g.free = slices.Insert(g.free, 0, release) // freed last
	return g, nil
}

// load opens the three graphs on one provider, makes the tensors, warms up and
// checks the answers.
func load(ctx context.Context, b *model.Bundle, provider string, o Options) (*Grounder, error) {
	g := &Grounder{bundle: b, square: o.Square, words: reader{known: newCache(max(keptPhrases, b.Limits.MaxPhrases))}}
	if err := g.openGraphs(provider, o); err != nil {
		return nil, errors.Join(err, g.free.Close())
	}
	if err := g.makeTensors(); err != nil {
		return nil, errors.Join(fmt.Errorf("make tensors: %w", err), g.free.Close())
	}
	if err := g.warmUp(); err != nil {
		return nil, errors.Join(fmt.Errorf("warm up on %s: %w", provider, err), g.free.Close())
	}
	g.chosen.Name = provider
	if o.Check != nil {
		if err := o.Check(ctx, g); err != nil {
			return nil, errors.Join(err, g.free.Close())
		}
	}
	return g, nil
}

func (g *Grounder) openGraphs(provider string, o Options) error {
	var used []string
	for _, name := range model.GraphNames {
		graph, err := pick(g.bundle, name, provider, o)
		if err != nil {
			return err
		}
		outputs := g.outputsOf(name, graph, o)
		s, err := openSession(g.bundle, name, graph, provider, o, outputs)
		if err != nil {
			return err
		}
		g.free.add(s.Destroy)
		switch name {
		case "frame":
			g.frameRun = s
		case "phrase":
			g.phraseRun = s
		case "ground":
			g.groundRun, g.outputs = s, outputs
		}
		used = append(used, graph.Precision)
	}
	if want := o.Precision; want != "" && want != "auto" && !slices.Contains(used, want) {
		return fmt.Errorf("no graph of the bundle is in %s (name another --precision)", want)
	}
	g.chosen.Precision = strings.Join(used, "/")
	if len(slices.Compact(used)) == 1 {
		g.chosen.Precision = used[0]
	}
	return nil
}

// pick chooses the graph's precision and checks that this program can use it.
func pick(b *model.Bundle, name, provider string, o Options) (model.Graph, error) {
	order := precisions(provider, o.Precision)
	g, ok := b.Pick(name, order...)
	if !ok {
		return g, fmt.Errorf("pick graph %s: the bundle has it neither in %s", name, strings.Join(order, " nor in "))
	}
	return g, checkListing(b, name, g)
}

// outputsOf are the outputs to compute; one that nobody asked for costs nothing.
func (g *Grounder) outputsOf(name string, graph model.Graph, o Options) []string {
	switch name {
	case "frame":
		return []string{"visual"}
	case "phrase":
		return []string{"words"}
	}
	names := []string{"boxes", "scores", "present"}
	if o.Attention {
		names = append(names, "attention")
	}
	if _, ok := find(graph.Outputs, clsBox.name); ok {
		names = append(names, clsBox.name)
	}
	words, _ := find(graph.Inputs, "words") // checkListing saw it
	g.layers, g.width = words.Shape[1].Size, words.Shape[3].Size
	visual, _ := find(graph.Inputs, "visual")
	g.visual = ort.Shape{1, visual.Shape[1].Size, visual.Shape[2].Size}
	return names
}

// Provider says what runs the network, and what was tried before.
func (g *Grounder) Provider() Chosen { return g.chosen }

// Close waits for calls under way and frees everything native. A second Close
// does nothing.
func (g *Grounder) Close() (err error) {
	g.closing.Do(func() {
		for range cap(g.lanes) {
			<-g.lanes
		}
		close(g.lanes)
		err = g.free.Close()
	})
	return err
}
