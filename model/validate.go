package model

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of bundle.json. The runtime makes its tensors by these numbers before
// it runs anything, so a number without a bound is memory without a bound.
const (
	maxSide     = 2048    // of the network's square, pixels
	maxGrid     = 512     // side of the square of visual tokens
	maxTokens   = 512     // of a phrase, BERT's own limit
	maxPhrases  = 1024    // in one run
	maxAnswers  = 1024    // boxes of a phrase
	maxDim      = 1 << 20 // one side of a tensor
	maxRank     = 8       // sides of a tensor
	maxElements = 1 << 24 // of a tensor: 64 MiB of float32
	maxPorts    = 64      // inputs or outputs of a graph
	maxFiles    = 1000
	maxName     = 255 // bytes of a name, as in a file system
)

// validate names everything in bundle.json that the runtime cannot work with.
func (b *Bundle) validate() error {
	errs := []error{
		within("image.size", b.Image.Size, 1, maxSide),
		within("image.grid", b.Image.Grid, 1, maxGrid),
		within("phrase.max_tokens", b.Limits.MaxTokens, 3, maxTokens),
		within("phrase.max_phrases", b.Limits.MaxPhrases, 1, maxPhrases),
		within("answers", b.Answers, 1, maxAnswers),
		b.validateAnswers(),
	}
	if t := b.Threshold.Present; !(t >= 0 && t <= 1) {
		errs = append(errs, fmt.Errorf("threshold.present is %v, not 0..1", t))
	}
	switch {
	case b.Name == "":
		errs = append(errs, errors.New("name is empty"))
	case len(b.Name) > maxName || len(b.Created) > maxName:
		errs = append(errs, fmt.Errorf("name or created has more than %d bytes", maxName))
	}
	if _, ok := b.Files[b.Limits.Tokenizer]; !ok {
		errs = append(errs, fmt.Errorf("phrase.tokenizer names %q, which files does not list", b.Limits.Tokenizer))
	}
	if b.Weights != nil {
		if _, ok := b.Files[b.Weights.File]; !ok {
			errs = append(errs, fmt.Errorf("weights.file names %q, which files does not list", b.Weights.File))
		}
	}
	for _, name := range GraphNames {
		if len(b.Graphs[name]) == 0 {
			errs = append(errs, fmt.Errorf("graphs has no %q", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Graphs)) {
		errs = append(errs, b.validateGraph(name))
	}
	return errors.Join(append(errs, b.validateFiles())...)
}

// validateAnswers bounds what ground.onnx gives for all phrases of a run.
func (b *Bundle) validateAnswers() error {
	return errors.Join(
		elements("boxes of all phrases of a run", b.Limits.MaxPhrases, b.Answers, 4),
		elements("attention of all phrases of a run", b.Limits.MaxPhrases, b.Image.Grid, b.Image.Grid),
	)
}

func (b *Bundle) validateFiles() error {
	files := b.Contents()
	if len(files) > maxFiles {
		return fmt.Errorf("it lists %d files, not up to %d", len(files), maxFiles)
	}
	var errs []error
	for _, f := range files {
		switch {
		case f.Name != Printable(f.Name) || len(f.Name) > maxName:
			errs = append(errs, fmt.Errorf("%.80q is no name for a file", f.Name))
		case !filepath.IsLocal(f.Name):
			errs = append(errs, fmt.Errorf("%q: %w", f.Name, ErrPath))
		}
	}
	return errors.Join(errs...)
}

func (b *Bundle) validateGraph(name string) error {
	for _, g := range b.Graphs[name] {
		switch {
		case !slices.Contains([]string{"fp32", "fp16", "int8"}, g.Precision):
			return fmt.Errorf("graph %.80q: unknown precision %.80q", name, g.Precision)
		case g.File == "":
			return fmt.Errorf("graph %.80q %s names no file", name, g.Precision)
		case !strings.HasSuffix(g.File, ".onnx"): // ONNX Runtime takes other formats by their ending
			return fmt.Errorf("graph %.80q %s is in %.80q, not in an .onnx file", name, g.Precision, g.File)
		case len(g.Inputs) == 0 || len(g.Outputs) == 0:
			return fmt.Errorf("graph %.80q %s lists no inputs or outputs", name, g.Precision)
		case len(g.Inputs) > maxPorts || len(g.Outputs) > maxPorts:
			return fmt.Errorf("graph %.80q %s lists more than %d inputs or outputs", name, g.Precision, maxPorts)
		}
		for _, p := range slices.Concat(g.Inputs, g.Outputs) {
			if err := b.validatePort(p); err != nil {
				return fmt.Errorf("graph %.80q %s: %w", name, g.Precision, err)
			}
		}
	}
	return nil
}

// validatePort bounds a tensor at the greatest size of its free sides.
func (b *Bundle) validatePort(p Port) error {
	if p.Name == "" || len(p.Name) > maxName || p.Name != Printable(p.Name) || p.Type != Printable(p.Type) {
		return fmt.Errorf("%.80q of type %.80q is no name for an input or output", p.Name, p.Type)
	}
	if len(p.Shape) > maxRank {
		return fmt.Errorf("%s has %d sides, not up to %d", p.Name, len(p.Shape), maxRank)
	}
	sides := make([]int, len(p.Shape))
	for i, d := range p.Shape {
		switch {
		case d.Name == "" && (d.Size < 1 || d.Size > maxDim):
			return fmt.Errorf("%s has a side of %d, not 1 to %d", p.Name, d.Size, maxDim)
		case len(d.Name) > maxName || d.Name != Printable(d.Name):
			return fmt.Errorf("%s has a side called %.80q", p.Name, d.Name)
		}
		sides[i] = b.largest(d)
	}
	return elements(p.Name, sides...)
}

// largest is the greatest size of a side. Frames run one by one.
func (b *Bundle) largest(d Dim) int {
	switch d.Name {
	case "":
		return int(d.Size)
	case "N":
		return 1
	case "L":
		return b.Limits.MaxTokens
	}
	return b.Limits.MaxPhrases
}

// elements bounds the product of sides, which are at most maxDim each.
func elements(what string, sides ...int) error {
	n := 1
	for _, side := range sides {
		n *= max(side, 1)
		if n > maxElements {
			return fmt.Errorf("%s: %v is more than %d numbers", what, sides, maxElements)
		}
	}
	return nil
}

func within(what string, n, lo, hi int) error {
	if n < lo || n > hi {
		return fmt.Errorf("%s is %d, not %d to %d", what, n, lo, hi)
	}
	return nil
}
