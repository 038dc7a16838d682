package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"deixis/model"
)

// ErrProvider says that the provider asked for cannot run the bundle here.
var ErrProvider = errors.New("provider not usable")

// Providers are those this program knows, in the order auto tries them.
var Providers = []string{"tensorrt", "cuda", "cpu"}

// Chosen is what runs the network and why.
type Chosen struct {
	Name      string   // one of Providers
	Precision string   // of the graphs: "int8", or "int8/fp32/int8" for frame/phrase/ground
	Library   string   // path of ONNX Runtime's shared library
	Version   string   // of that library
	Reasons   []string // what was tried before, and why it was not taken
}

// choose returns the first provider that try accepts. It stops at an error
// that no other provider would cure, and when it is called off.
func choose(want string, try func(name string) error) (Chosen, error) {
	names := []string{want}
	if want == "" || want == "auto" {
		names = Providers
	}
	if !slices.Contains(Providers, names[0]) {
		return Chosen{}, fmt.Errorf("choose provider: %w: %q is none of auto, %s", ErrProvider, want, strings.Join(Providers, ", "))
	}
	var c Chosen
	for _, name := range names {
		err := try(name)
		if err == nil {
			c.Name = name
			return c, nil
		}
		if errors.Is(err, ErrContract) || errors.Is(err, model.ErrBundle) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return Chosen{}, err
		}
		c.Reasons = append(c.Reasons, name+": "+firstLine(err))
	}
	return Chosen{}, fmt.Errorf("choose provider: %w: %s (try --provider auto, see `deixis doctor`)", ErrProvider, strings.Join(c.Reasons, "; "))
}

// firstLine keeps a native error short: its traces follow on further lines, and
// where in ONNX Runtime's own source it arose helps nobody.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if _, cause, ok := strings.Cut(line, " with error: "); ok {
		return cause + " (install what is missing, or name its folder in LD_LIBRARY_PATH)"
	}
	if _, cause, ok := strings.Cut(line, "[ONNXRuntimeError] : "); ok {
		line = strings.TrimLeft(cause, "0123456789 :")
	}
	return strings.TrimSuffix(line, ".")
}

// precisions are those that a provider runs, fastest first.
func precisions(provider, want string) []string {
	switch {
	case want != "" && want != "auto":
		return []string{want, "fp32"} // a graph that has no such precision runs in full
	case provider == "cpu":
		return []string{"int8", "fp32", "fp16"}
	}
	return []string{"fp16", "fp32"}
}

// cudaOptions are the settings of the CUDA provider.
func cudaOptions(o Options) map[string]string {
	m := map[string]string{
		"device_id":             strconv.Itoa(o.Device),
		"arena_extend_strategy": "kSameAsRequested", // doubling would take memory that others on the GPU need
	}
	if o.ArenaLimit > 0 {
		m["gpu_mem_limit"] = strconv.FormatInt(o.ArenaLimit, 10)
	}
	return m
}

// tensorrtOptions are the settings of the TensorRT provider for one graph.
// Profiled, the range of shapes is told beforehand, or a phrase of another
// length would build the engine again while the camera waits.
func tensorrtOptions(o Options, b *model.Bundle, g model.Graph, profiled bool) map[string]string {
	m := map[string]string{
		"device_id":               strconv.Itoa(o.Device),
		"trt_fp16_enable":         flag(o.FP16),
		"trt_engine_cache_enable": "1",
		"trt_engine_cache_path":   cacheDir(o, b, g),
		"trt_timing_cache_enable": "1",
		"trt_timing_cache_path":   cacheDir(o, b, g),
		"trt_max_workspace_size":  strconv.FormatInt(workspace(o), 10),
		"trt_engine_cache_prefix": strings.TrimSuffix(g.File, filepath.Ext(g.File)),
	}
	if g.File == "" { // settings that no session will use: TensorRT takes no empty name
		delete(m, "trt_engine_cache_prefix")
	}
	if profiled {
		m["trt_profile_min_shapes"] = profile(g, func(string) int64 { return 1 })
		m["trt_profile_opt_shapes"] = profile(g, func(dim string) int64 { return usual(b, dim) })
		m["trt_profile_max_shapes"] = profile(g, func(dim string) int64 { return most(b, g, dim) })
	}
	return m
}

// profile writes the shapes of g's inputs with each free side given by size.
func profile(g model.Graph, size func(dim string) int64) string {
	var inputs []string
	for _, in := range g.Inputs {
		var sides []string
		for _, d := range in.Shape {
			n := d.Size
			if d.Name != "" {
				n = size(d.Name)
			}
			sides = append(sides, strconv.FormatInt(n, 10))
		}
		inputs = append(inputs, in.Name+":"+strings.Join(sides, "x"))
	}
	return strings.Join(inputs, ",")
}

// usual is the size a free side mostly has: a short phrase, alone.
func usual(b *model.Bundle, dim string) int64 {
	if dim == "L" {
		return int64(min(8, b.Limits.MaxTokens))
	}
	return 1
}

// most is the greatest size of a free side. Pictures and phrases run alone;
// only the ground graph takes several phrases.
func most(b *model.Bundle, g model.Graph, dim string) int64 {
	grounds := slices.ContainsFunc(g.Outputs, func(p model.Port) bool { return p.Name == "boxes" })
	switch {
	case dim == "L":
		return int64(b.Limits.MaxTokens)
	case dim == "P" && grounds:
		return int64(b.Limits.MaxPhrases)
	}
	return 1
}

// cacheDir is where TensorRT keeps the engine of a graph: it takes minutes to
// build. An engine fits one graph only, and two bundles may have one name.
func cacheDir(o Options, b *model.Bundle, g model.Graph) string {
	dir := o.CacheDir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir()
		}
		dir = filepath.Join(base, "deixis", "tensorrt")
	}
	return filepath.Join(dir, fileName(b.Name)+"-"+fileName(g.SHA256[:min(hashed, len(g.SHA256))]))
}

// hashed is how many digits of a graph's SHA-256 tell it from all others.
const hashed = 16

// fileName is name with a dash for everything that could mean something in a path.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '-'
	}, strings.TrimLeft(name, "."))
}

func workspace(o Options) int64 {
	if o.Workspace > 0 {
		return o.Workspace
	}
	return 1 << 30
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
