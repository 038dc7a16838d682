package speech

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model/onnx"
)

// open loads a graph for the CPU, with all of its inputs and outputs, in the
// graph's own order.
func open(file string, threads int) (s *ort.DynamicAdvancedSession, inputs, outputs []ort.InputOutputInfo, err error) {
	if inputs, outputs, err = ports(file); err != nil {
		return nil, nil, nil, fmt.Errorf("read %s: %w: %w", file, onnx.ErrContract, err)
	}
	so, err := options(threads)
	if err != nil {
		return nil, nil, nil, err
	}
	defer so.Destroy()
	if s, err = ort.NewDynamicAdvancedSession(file, names(inputs), names(outputs), so); err != nil {
		return nil, nil, nil, fmt.Errorf("load %s: %w", file, err)
	}
	return s, inputs, outputs, nil
}

// ports reads a graph's inputs and outputs, as cheaply as ONNX Runtime can.
func ports(file string) (inputs, outputs []ort.InputOutputInfo, err error) {
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

// options keep the recogniser's threads from spinning: the network that looks
// needs the cores.
func options(threads int) (*ort.SessionOptions, error) {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		so.SetIntraOpNumThreads(max(1, threads)),
		so.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
	); err != nil {
		return nil, errors.Join(err, so.Destroy())
	}
	return so, nil
}

func names(ports []ort.InputOutputInfo) []string {
	var all []string
	for _, p := range ports {
		all = append(all, p.Name)
	}
	return all
}

// A memory is one pair of the decoder's inputs and outputs that carries what it
// has read to the next step.
type memory struct {
	input, output int   // their places
	heads, width  int64 // of [batch, heads, length, width]
	heard         bool  // of the sound: the same for the whole utterance
}

// A layout is where the decoder has what.
type layout struct {
	tokens, hidden, mask, cached int // places of inputs; mask is -1 where it has none
	logits                       int // place of an output
	memories                     []memory
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
		m := memory{input: i, output: out("present." + rest), heard: strings.Contains(rest, ".encoder.")}
		if d := p.Dimensions; m.output >= 0 && len(d) == 4 && d[1] > 0 && d[3] > 0 {
			m.heads, m.width = d[1], d[3]
			l.memories = append(l.memories, m)
			continue
		}
		missing = append(missing, "present."+rest)
	}
	if len(l.memories) == 0 {
		missing = append(missing, "past_key_values")
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return layout{}, fmt.Errorf("%w: the decoder has no %s of use", onnx.ErrContract, strings.Join(missing, ", "))
	}
	return l, nil
}
