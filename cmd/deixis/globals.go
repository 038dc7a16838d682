package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"deixis/camera/opencv"
	"deixis/model"
	"deixis/model/onnx"
	"deixis/pipeline"
)

// globals is what every subcommand's Run(ctx, *globals) is handed.
type globals struct {
	Common
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Log            *slog.Logger
}

// logger writes to stderr in the format and from the level asked for.
func (g *globals) logger() *slog.Logger {
	o := &slog.HandlerOptions{Level: g.LogLevel}
	if g.LogJSON {
		return slog.New(slog.NewJSONHandler(g.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(g.Stderr, o))
}

// A grounder is the network ready to run, with the bundle it came from.
type grounder struct {
	*onnx.Failover
	Bundle  *model.Bundle
	squarer *opencv.Squarer
}

// wants is what openGrounder can do besides.
type wants struct {
	attention bool // fill Answer.Attention
	check     bool // compare with golden answers on the CPU, too
}

// openGrounder loads the bundle and starts the network on the first provider
// that gets right answers. The caller closes what it gets.
func (g *globals) openGrounder(ctx context.Context, w wants) (*grounder, error) {
	b, err := g.openBundle()
	if err != nil {
		return nil, err
	}
	sq := opencv.NewSquarer()
	o := g.onnxOptions()
	o.Square, o.Attention, o.Check = sq.Square, w.attention, g.checker(b, sq.Square, w.check)
	startup := g.startup()
	o.Trying = startup.trying
	by, err := onnx.OpenFailover(ctx, b, o, g.Log)
	startup.end()
	if err != nil {
		return nil, errors.Join(err, sq.Close())
	}
	c := by.Provider()
	g.Log.Debug("network ready", "bundle", b.Name, "provider", c.Name, "precision", c.Precision, "not", strings.Join(c.Reasons, "; "))
	return &grounder{Failover: by, Bundle: b, squarer: sq}, nil
}

// onnxOptions are the flags that shape the network's run, without Square.
func (g *globals) onnxOptions() onnx.Options {
	return onnx.Options{
		Provider: g.Provider, Precision: g.Precision, Device: g.GPU, FP16: g.Precision != "fp32",
		Threads: g.Threads, Spin: g.Spin, Library: g.OrtLibrary, CacheDir: g.CacheDir,
		Workspace: int64(g.Workspace) << 20, ArenaLimit: int64(g.GPUMemory) << 20,
	}
}

// asker takes phrases for the network; its Set is the caller's to fill in.
func (g *grounder) asker(log *slog.Logger) *pipeline.Asker {
	return &pipeline.Asker{Phrase: g.Bundle.Phrase, Most: g.Bundle.Limits.MaxPhrases, Log: log}
}

// Phrases turns the texts of flags or arguments into phrases of the bundle, however
// many. Errors are model.ErrEmptyPhrase and model.ErrLongPhrase.
func (g *grounder) Phrases(texts []string) ([]model.Phrase, error) {
	return (&pipeline.Asker{Phrase: g.Bundle.Phrase, Most: len(texts)}).Phrases(texts)
}

// Close frees the network, then the memory of its resizing.
func (g *grounder) Close() error {
	return errors.Join(g.Failover.Close(), g.squarer.Close())
}

// openBundle loads and verifies the bundle that --bundle or the search names.
func (g *globals) openBundle() (*model.Bundle, error) {
	dir, err := g.bundleDir()
	if err != nil {
		return nil, err
	}
	return model.Load(dir)
}

// bundleDir is --bundle, or the default found from the program's own folder
// or the working folder upwards.
func (g *globals) bundleDir() (string, error) {
	if g.BundleDir != "" {
		return g.BundleDir, nil
	}
	const rest = "assets/models/ca2m-edge"
	if root := above(rest + "/bundle.json"); root != "" {
		return filepath.Join(root, rest), nil
	}
	return "", fmt.Errorf("find bundle: no %s in %s or above: %w (name one with --bundle DIR)", rest, strings.Join(startingPoints(), ", "), model.ErrBundle)
}
