package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"deixis/camera/opencv"
	"deixis/model"
	"deixis/model/onnx"
	"deixis/pipeline"
)

// Globals is what every subcommand's Run(ctx, *globals) is handed.
type Globals struct {
	Common
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Log            *slog.Logger

	level *slog.LevelVar // of Log
}

// Logger writes to stderr in the format and from the level asked for.
func (g *Globals) Logger() *slog.Logger {
	g.level = &slog.LevelVar{}
	g.level.Set(g.LogLevel)
	o := &slog.HandlerOptions{Level: g.level}
	if g.LogJSON {
		return slog.New(slog.NewJSONHandler(g.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(g.Stderr, o))
}

// SetLevel changes from which level on Log writes.
func (g *Globals) SetLevel(l slog.Level) { g.level.Set(l) }

// A Network is the network ready to run, with the bundle it came from.
type Network struct {
	*onnx.Failover
	Bundle  *model.Bundle
	Squarer *opencv.Squarer
}

// Wants is what OpenNetwork can do besides.
type Wants struct {
	Attention bool // fill Answer.Attention
	Check     bool // compare with golden answers on the CPU, too
}

// OpenNetwork loads the bundle and starts the network on the first provider
// that gets right answers. The caller closes what it gets.
func (g *Globals) OpenNetwork(ctx context.Context, w Wants) (*Network, error) {
	b, err := g.OpenBundle()
	if err != nil {
		return nil, err
	}
	sq := opencv.NewSquarer()
	o := g.ONNXOptions()
	o.Square, o.Attention, o.Check = sq.Square, w.Attention, g.checker(b, sq.Square, w.Check)
	startup := g.startup()
	o.Trying = startup.trying
	by, err := onnx.OpenFailover(ctx, b, o, g.Log)
	startup.end()
	if err != nil {
		return nil, errors.Join(err, sq.Close())
	}
	c := by.Provider()
	g.Log.Debug("network ready", "bundle", b.Name, "provider", c.Name, "precision", c.Precision, "not", strings.Join(c.Reasons, "; "))
	return &Network{Failover: by, Bundle: b, Squarer: sq}, nil
}

// ONNXOptions are the flags that shape the network's run, without Square.
func (g *Globals) ONNXOptions() onnx.Options {
	return onnx.Options{
		Provider: g.Provider, Precision: g.Precision, Device: g.GPU, FP16: g.Precision != "fp32",
		Threads: g.Threads, Spin: g.Spin, Library: g.OrtLibrary, CacheDir: g.CacheDir,
		Workspace: int64(g.Workspace) << 20, ArenaLimit: int64(g.GPUMemory) << 20,
	}
}

// Asker takes phrases for the network; its Set is the caller's to fill in.
func (g *Network) Asker(log *slog.Logger) *pipeline.Asker {
	return &pipeline.Asker{Phrase: g.Bundle.Phrase, Most: g.Bundle.Limits.MaxPhrases, Log: log}
}

// Phrases turns the texts of flags or arguments into phrases of the bundle, however
// many. Errors are model.ErrEmptyPhrase and model.ErrLongPhrase.
func (g *Network) Phrases(texts []string) ([]model.Phrase, error) {
	return (&pipeline.Asker{Phrase: g.Bundle.Phrase, Most: len(texts)}).Phrases(texts)
}

// Close frees the network, then the memory of its resizing.
func (g *Network) Close() error {
	return errors.Join(g.Failover.Close(), g.Squarer.Close())
}

// OpenBundle loads and verifies the bundle that --bundle or the search names.
func (g *Globals) OpenBundle() (*model.Bundle, error) {
	dir, err := g.FindBundle()
	if err != nil {
		return nil, err
	}
	return model.Load(dir)
}

// Bundles are the folders of the bundles that came with the program, sorted.
func Bundles() []string {
	home := Data("models", "ca2m-edge/bundle.json")
	entries, err := os.ReadDir(home)
	if home == "" || err != nil {
		return nil
	}
	var dirs []string
	for _, e := range entries {
		dir := filepath.Join(home, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "bundle.json")); err == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// FindBundle is --bundle, a folder or the name of a bundle that came with the
// program, or the default, found from the program's own folder or the working
// folder upwards.
func (g *Globals) FindBundle() (string, error) {
	if g.BundleDir != "" {
		if _, err := os.Stat(g.BundleDir); err != nil && filepath.Base(g.BundleDir) == g.BundleDir {
			if dir := Data("models/"+g.BundleDir, "bundle.json"); dir != "" {
				return dir, nil
			}
		}
		return g.BundleDir, nil
	}
	const folder = "models/ca2m-edge"
	if dir := Data(folder, "bundle.json"); dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("find bundle: %s: %w (name one with --bundle DIR)", NoData(folder), model.ErrBundle)
}
