package onnx

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"deixis/model"
)

func TestChoose(t *testing.T) {
	missing := errors.New("not in this build\n at session.cc:12")
	for name, tt := range map[string]struct {
		want    string
		works   []string
		chosen  string
		reasons []string
	}{
		"the best":            {"auto", Providers, "tensorrt", nil},
		"unset is auto":       {"", Providers, "tensorrt", nil},
		"the second":          {"auto", []string{"cuda", "cpu"}, "cuda", []string{"tensorrt: not in this build"}},
		"the last":            {"auto", []string{"cpu"}, "cpu", []string{"tensorrt: not in this build", "cuda: not in this build"}},
		"asked for":           {"cpu", Providers, "cpu", nil},
		"asked for, not here": {"cuda", []string{"cpu"}, "", nil},
		"none":                {"auto", nil, "", nil},
		"unknown":             {"abacus", Providers, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := choose(tt.want, func(p string) error {
				if slices.Contains(tt.works, p) {
					return nil
				}
				return missing
			})
			if c.Name != tt.chosen || !slices.Equal(c.Reasons, tt.reasons) {
				t.Errorf("chose %+v, want %s because %q", c, tt.chosen, tt.reasons)
			}
			if (err != nil) != (tt.chosen == "") || err != nil && !errors.Is(err, ErrProvider) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestChooseStops(t *testing.T) {
	for _, broken := range []error{ErrContract, model.ErrBundle, context.Canceled, context.DeadlineExceeded} {
		tried := 0
		_, err := choose("auto", func(string) error { tried++; return broken })
		if !errors.Is(err, broken) || tried != 1 {
			t.Errorf("error %v after %d tries, want %v after 1", err, tried, broken)
		}
	}
}

func TestProviderOptions(t *testing.T) {
	b := &model.Bundle{Name: "tiny"}
	b.Limits.MaxTokens, b.Limits.MaxPhrases = 40, 16
	free := func(n string) model.Dim { return model.Dim{Name: n} }
	size := func(n int64) model.Dim { return model.Dim{Size: n} }
	phraseGraph := model.Graph{File: "phrase.fp16.onnx", SHA256: "0123456789abcdef0123", Inputs: []model.Port{{Name: "ids", Shape: []model.Dim{free("P"), free("L")}}}}
	groundGraph := model.Graph{
		File: "ground.onnx", SHA256: "fedcba9876543210ffff",
		Inputs: []model.Port{
			{Name: "visual", Shape: []model.Dim{free("N"), size(400), size(471)}},
			{Name: "words", Shape: []model.Dim{free("P"), size(3), free("L"), size(384)}},
		},
		Outputs: []model.Port{{Name: "boxes"}},
	}
	for name, tt := range map[string]struct{ got, want map[string]string }{
		"cuda": {cudaOptions(Options{}), map[string]string{"device_id": "0", "arena_extend_strategy": "kSameAsRequested"}},
		"cuda limited": {cudaOptions(Options{Device: 2, ArenaLimit: 1 << 30}), map[string]string{
			"device_id": "2", "arena_extend_strategy": "kSameAsRequested", "gpu_mem_limit": "1073741824",
		}},
		"tensorrt phrase": {tensorrtOptions(Options{FP16: true, CacheDir: "c", Device: 1}, b, phraseGraph, true), map[string]string{
			"device_id": "1", "trt_fp16_enable": "1", "trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1",
			"trt_engine_cache_path": filepath.Join("c", "tiny-0123456789abcdef"), "trt_timing_cache_path": filepath.Join("c", "tiny-0123456789abcdef"),
			"trt_engine_cache_prefix": "phrase.fp16", "trt_max_workspace_size": "1073741824",
			"trt_profile_min_shapes": "ids:1x1", "trt_profile_opt_shapes": "ids:1x8", "trt_profile_max_shapes": "ids:1x40",
		}},
		"tensorrt ground": {tensorrtOptions(Options{CacheDir: "c", Workspace: 5}, b, groundGraph, true), map[string]string{
			"device_id": "0", "trt_fp16_enable": "0", "trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1",
			"trt_engine_cache_path": filepath.Join("c", "tiny-fedcba9876543210"), "trt_timing_cache_path": filepath.Join("c", "tiny-fedcba9876543210"),
			"trt_engine_cache_prefix": "ground", "trt_max_workspace_size": "5",
			"trt_profile_min_shapes": "visual:1x400x471,words:1x3x1x384",
			"trt_profile_opt_shapes": "visual:1x400x471,words:1x3x8x384",
			"trt_profile_max_shapes": "visual:1x400x471,words:16x3x40x384",
		}},
		"tensorrt in parts": {tensorrtOptions(Options{CacheDir: "c"}, b, groundGraph, false), map[string]string{
			"device_id": "0", "trt_fp16_enable": "0", "trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1",
			"trt_engine_cache_path": filepath.Join("c", "tiny-fedcba9876543210"), "trt_timing_cache_path": filepath.Join("c", "tiny-fedcba9876543210"),
			"trt_engine_cache_prefix": "ground", "trt_max_workspace_size": "1073741824",
		}},
		"no spinning": {sessionEntries(SessionOptions{}), map[string]string{
			"session.intra_op.allow_spinning": "0", "session.inter_op.allow_spinning": "0",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if !maps.Equal(tt.got, tt.want) {
				t.Errorf("got  %v\nwant %v", tt.got, tt.want)
			}
		})
	}
}

func TestCacheDir(t *testing.T) {
	for name, tt := range map[string]struct{ bundle, sha256, want string }{
		"plain":       {"ca2m-edge", "0123456789abcdef0123", "ca2m-edge-0123456789abcdef"},
		"other graph": {"ca2m-edge", "fedcba9876543210ffff", "ca2m-edge-fedcba9876543210"},
		"upwards":     {"../../etc/x y", "0123456789abcdef0123", "-..-etc-x-y-0123456789abcdef"},
		"no name":     {"", "0123", "-0123"},
		"strange":     {"tür:1", "../../a", "tür-1--..-a"},
	} {
		got := cacheDir(Options{CacheDir: "c"}, &model.Bundle{Name: tt.bundle}, model.Graph{SHA256: tt.sha256})
		if want := filepath.Join("c", tt.want); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestPrecisions(t *testing.T) {
	for name, tt := range map[string]struct {
		provider, want string
		first          string
	}{
		"cpu":           {"cpu", "auto", "int8"},
		"cuda":          {"cuda", "", "fp16"},
		"tensorrt":      {"tensorrt", "auto", "fp16"},
		"asked for":     {"cpu", "fp32", "fp32"},
		"asked on cuda": {"cuda", "int8", "int8"},
	} {
		t.Run(name, func(t *testing.T) {
			got := precisions(tt.provider, tt.want)
			if got[0] != tt.first || !slices.Contains(got, "fp32") {
				t.Errorf("precisions %v, want %s first and fp32 among them", got, tt.first)
			}
		})
	}
}

func TestCache(t *testing.T) {
	c := newPhraseCache(2)
	ids := []int64{101, 7, 102}
	for _, text := range []string{"a", "b"} {
		c.put(&embedding{text: text, ids: ids})
	}
	if c.get("a", ids) == nil { // and is now the newest
		t.Fatal("lost a")
	}
	c.put(&embedding{text: "c", ids: ids})
	if c.get("b", ids) != nil || c.get("a", ids) == nil || c.get("c", ids) == nil {
		t.Error("dropped another than the one used longest ago")
	}
	if c.get("a", []int64{101, 8, 102}) != nil {
		t.Error("took other tokens for the same phrase")
	}
	c.put(&embedding{text: "a", ids: []int64{1}})
	if c.get("a", []int64{1}) == nil || c.order.Len() != 2 || len(c.byText) != 2 {
		t.Error("replacing a state left two")
	}
}

func TestReasonsAreShort(t *testing.T) {
	for long, short := range map[string]string{
		"/src/core/bridge.cc:2043 Provider& Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library /x/libcuda.so with error: libcublasLt.so.13: cannot open shared object file\n at y": "libcublasLt.so.13: cannot open shared object file (install what is missing, or name its folder in LD_LIBRARY_PATH)",
		"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : out of memory": "RUNTIME_EXCEPTION : out of memory",
		"not in this build\n at session.cc:12":                       "not in this build",
	} {
		if got := firstLine(errors.New(long)); got != short {
			t.Errorf("%q, want %q", got, short)
		}
	}
}
