package speech

import (
	"errors"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"deixis/model/onnx"
)

func port(name string, shape ...int64) ort.InputOutputInfo {
	return ort.InputOutputInfo{Name: name, Dimensions: shape}
}

func TestLayout(t *testing.T) {
	in := []ort.InputOutputInfo{
		port("input_ids", -1, -1), port("encoder_hidden_states", -1, -1, 416), port("use_cache_branch", 1),
		port("past_key_values.0.decoder.key", -1, 8, -1, 52), port("past_key_values.0.encoder.key", -1, 6, -1, 36),
	}
	out := []ort.InputOutputInfo{
		port("present.0.encoder.key", -1, 6, -1, 36), port("logits", -1, -1, 100), port("present.0.decoder.key", -1, 8, -1, 52),
	}
	l, err := layoutOf(in, out)
	if err != nil {
		t.Fatal(err)
	}
	want := []kvPort{{input: 3, output: 2, heads: 8, width: 52}, {input: 4, output: 0, heads: 6, width: 36, cross: true}}
	if l.tokens != 0 || l.hidden != 1 || l.cached != 2 || l.mask != -1 || l.logits != 1 || l.cache[0] != want[0] || l.cache[1] != want[1] {
		t.Errorf("layout %+v", l)
	}
	for name, tt := range map[string]struct {
		in, out []ort.InputOutputInfo
		says    string
	}{
		"no logits":   {in, out[:1], "logits"},
		"no tokens":   {in[1:], out, "input_ids"},
		"no memory":   {in[:3], out, "past_key_values"},
		"no presents": {in, out[:2], "present.0.decoder.key"},
		"free heads":  {append([]ort.InputOutputInfo{port("past_key_values.1.decoder.key", -1, -1, -1, 52)}, in...), out, "present.1.decoder.key"},
	} {
		if _, err := layoutOf(tt.in, tt.out); !errors.Is(err, onnx.ErrContract) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
