package speech

import (
	"context"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/camera/hang"
	"deixis/model/onnx"
)

// open loads a graph for the CPU, with all of its inputs and outputs in the
// graph's own order.
func open(file string, threads int) (*onnx.Session, error) {
	return onnx.OpenSession(file, onnx.SessionOptions{Threads: max(1, threads)}, func(in, out []ort.InputOutputInfo) (_, _ []string, err error) {
		return names(in), names(out), nil
	})
}

// closer is what must be freed.
type closer interface{ Close() error }

// whileWanted builds something native and gives it up when ctx is done: a graph
// may never be loaded. What comes too late is freed.
func whileWanted[T closer](ctx context.Context, build func() (T, error)) (T, error) {
	return hang.Call(ctx, 0, build, func(late T) { late.Close() })
}

func names(ports []ort.InputOutputInfo) []string {
	var all []string
	for _, p := range ports {
		all = append(all, p.Name)
	}
	return all
}

// A kvPort is one input and output of the decoder that carry the key or value
// cache of an attention layer from step to step.
type kvPort struct {
	input, output int   // their places
	heads, width  int64 // of [batch, heads, length, width]
	cross         bool  // of cross-attention to the sound: the same for the whole utterance
}

// A layout is where the decoder has what.
type layout struct {
	tokens, hidden, mask, cached int // places of inputs; mask is -1 where it has none
	logits                       int // place of an output
	cache                        []kvPort
}

// layoutOf reads the layout from a decoder's inputs and outputs. Layers, heads
// and widths are the graph's own.
func layoutOf(inputs, outputs []ort.InputOutputInfo) (layout, error) {
	in := func(name string) int { return slices.Index(names(inputs), name) }
	out := func(name string) int { return slices.Index(names(outputs), name) }
	l := layout{
		tokens: in("input_ids"), hidden: in("encoder_hidden_states"), mask: in("encoder_attention_mask"),
		cached: in("use_cache_branch"), logits: out("logits"),
	}
	var missing []string
	for name, at := range map[string]int{"input_ids": l.tokens, "encoder_hidden_states": l.hidden, "use_cache_branch": l.cached, "logits": l.logits} {
		if at < 0 {
			missing = append(missing, name)
		}
	}
	for i, p := range inputs {
		rest, ok := strings.CutPrefix(p.Name, "past_key_values.")
		if !ok {
			continue
		}
		kv := kvPort{input: i, output: out("present." + rest), cross: strings.Contains(rest, ".encoder.")}
		if d := p.Dimensions; kv.output >= 0 && len(d) == 4 && d[1] > 0 && d[3] > 0 {
			kv.heads, kv.width = d[1], d[3]
			l.cache = append(l.cache, kv)
			continue
		}
		missing = append(missing, "present."+rest)
	}
	if len(l.cache) == 0 {
		missing = append(missing, "past_key_values")
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return layout{}, fmt.Errorf("%w: the decoder has no %s of use", onnx.ErrContract, strings.Join(missing, ", "))
	}
	return l, nil
}
