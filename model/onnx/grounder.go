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

	ort "github.com/yalue/onnxruntime_go"

	"deixis/camera"
	"deixis/camera/hang"
	"deixis/model"
)

// ErrClosed says that a Grounder was used after Close.
var ErrClosed = errors.New("grounder is closed")

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

// cachedPhrases is how many phrases a Grounder remembers.
const cachedPhrases = 64

// Grounder answers where phrases are in frames. Any goroutine may call it; two
// frames are answered at a time, and further calls wait.
type Grounder struct {
	bundle *model.Bundle
	square func(f *camera.Frame, side int, rgb []byte) error
	chosen Chosen

	closing  sync.Once
	free     Closers       // everything native, in the order it was made
	idle     chan *buffers // those that no frame uses; closed by Close
	prefetch prefetcher    // inputs of frames whose turn is to come
	phrases  phraseEncoder

	frameRun, phraseRun, groundRun *Session

	layers, width int64     // of a phrase's embeddings
	visual        ort.Shape // out of frame.onnx, into ground.onnx
	outputs       []string
}

// Open loads the bundle's graphs on the best provider and runs each once. It
// leaves nothing behind when it fails: errors are ErrLibrary, ErrProvider,
// ErrContract and ctx's. The caller closes the Grounder.
func Open(ctx context.Context, b *model.Bundle, o Options) (*Grounder, error) {
	if o.Square == nil {
		return nil, errors.New("open network: Options.Square is not set")
	}
	_, release, err := shared.acquire(o.Library) // once for all that is tried
	if err != nil {
		return nil, err
	}
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
	if err = errors.Join(err, release()); err != nil {
		if g != nil {
			err = errors.Join(err, g.Close())
		}
		return nil, err
	}
	g.chosen.Reasons = chosen.Reasons
	return g, nil
}

// load opens a Grounder on one provider and checks its answers. A native call
// that never returns is left behind when ctx is done; it keeps the library
// loaded, and what it opened is freed when it returns after all.
func load(ctx context.Context, b *model.Bundle, provider string, o Options) (*Grounder, error) {
	g, err := hang.Call(ctx, 0, func() (*Grounder, error) { return build(ctx, b, provider, o) }, func(g *Grounder) { g.Close() })
	if err != nil {
		return nil, err
	}
	if o.Check != nil {
		if err := o.Check(ctx, g); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

// build opens the three graphs, makes the tensors and warms up.
func build(ctx context.Context, b *model.Bundle, provider string, o Options) (*Grounder, error) {
	g := &Grounder{bundle: b, square: o.Square, phrases: phraseEncoder{cache: newPhraseCache(max(cachedPhrases, b.Limits.MaxPhrases))}}
	library, release, err := shared.acquire(o.Library)
	if err != nil {
		return nil, err
	}
	g.free.Add(release)
	g.chosen = Chosen{Name: provider, Library: library, Version: ort.GetVersion()}
	if err := g.openGraphs(ctx, provider, o); err != nil {
		return nil, errors.Join(err, g.free.Close())
	}
	if err := g.makeTensors(); err != nil {
		return nil, errors.Join(fmt.Errorf("make tensors: %w", err), g.free.Close())
	}
	if err := g.warmUp(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("warm up on %s: %w", provider, err), g.free.Close())
	}
	return g, nil
}

func (g *Grounder) openGraphs(ctx context.Context, provider string, o Options) error {
	var used []string
	for _, name := range model.GraphNames {
		if err := ctx.Err(); err != nil {
			return err
		}
		graph, err := pick(g.bundle, name, provider, o)
		if err != nil {
			return err
		}
		outputs := g.outputsOf(name, graph, o)
		s, err := openGraph(g.bundle, name, graph, provider, o, outputs)
		if err != nil {
			return err
		}
		g.free.Add(s.Close)
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
		for range cap(g.idle) {
			<-g.idle
		}
		close(g.idle)
		err = g.free.Close()
	})
	return err
}
