package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// speechFolder is a folder as `make speech` leaves it, but for what is in its
// files, and change made to what speech.json says.
func speechFolder(t *testing.T, change func(told map[string]any)) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]any{}
	for _, part := range SpeechParts {
		content := []byte("\x08\x0a") // an ONNX graph of nothing but its version
		sum := sha256.Sum256(content)
		files[part] = map[string]any{"file": part + ".bin", "sha256": hex.EncodeToString(sum[:])}
		if err := os.WriteFile(filepath.Join(dir, part+".bin"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told := map[string]any{
		"format": 1, "kind": "moonshine", "name": "toy", "language": "en", "rate": 16000, "start": 1, "end": 2,
		"pad": 0.5, "min_logprob": -1.2, "tokens_per_second": 6.5, "files": files,
	}
	change(told)
	raw, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "speech.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoadSpeech(t *testing.T) {
	dir := speechFolder(t, func(map[string]any) {})
	s, err := LoadSpeech(dir)
	if err != nil {
		t.Fatal(err)
	}
	if cleaned, err := LoadSpeech(speechFolder(t, func(m map[string]any) { m["name"] = "\x1b[31mtoy" })); err != nil || cleaned.Name != "toy" {
		t.Errorf("a name with an escape: %+v, %v", cleaned, err)
	}
	if s.Name != "toy" || s.End != 2 || s.Path("vad") != filepath.Join(dir, "vad.bin") {
		t.Errorf("%+v", s)
	}
}

func TestLoadSpeechTakesItsLimits(t *testing.T) {
	for name, set := range map[string]map[string]any{
		"no pad":      {"pad": 0},
		"most pad":    {"pad": 5},
		"most tokens": {"tokens_per_second": 100},
		"least sure":  {"min_logprob": -1000},
		"start at 0":  {"start": 0},
		"end at 0":    {"end": 0},
		"last token":  {"end": maxDim},
		"long names":  {"name": strings.Repeat("x", maxName), "language": strings.Repeat("y", maxName)},
	} {
		if _, err := LoadSpeech(speechFolder(t, func(m map[string]any) { maps.Copy(m, set) })); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadSpeechBroken(t *testing.T) {
	file := func(told map[string]any, part string) map[string]any {
		return told["files"].(map[string]any)[part].(map[string]any)
	}
	for name, tt := range map[string]struct {
		change func(told map[string]any)
		says   string
	}{
		"other format":   {func(m map[string]any) { m["format"] = 2 }, "format 2"},
		"other kind":     {func(m map[string]any) { m["kind"] = "conformer" }, "conformer"},
		"other rate":     {func(m map[string]any) { m["rate"] = 8000 }, "rate is 8000"},
		"no JSON number": {func(m map[string]any) { m["rate"] = "fast" }, "speech.json"},
		"same tokens":    {func(m map[string]any) { m["end"] = 1 }, "tokens 1 and 1"},
		"long pad":       {func(m map[string]any) { m["pad"] = 60 }, "pad is 60"},
		"no limit":       {func(m map[string]any) { m["tokens_per_second"] = 0 }, "tokens_per_second"},
		"certain":        {func(m map[string]any) { m["min_logprob"] = 0 }, "min_logprob"},
		"no name":        {func(m map[string]any) { m["name"] = "" }, "name or language"},
		"endless name":   {func(m map[string]any) { m["name"] = strings.Repeat("x", 256) }, "name or language"},
		"endless token":  {func(m map[string]any) { m["end"] = 1 << 40 }, "tokens 1 and 1099511627776"},
		"hopeless":       {func(m map[string]any) { m["min_logprob"] = -1e300 }, "min_logprob"},
		"negative pad":   {func(m map[string]any) { m["pad"] = -0.1 }, "pad is -0.1"},
		"too many":       {func(m map[string]any) { m["tokens_per_second"] = 101 }, "tokens_per_second"},
		"other runtime":  {func(m map[string]any) { file(m, "vad")["file"] = "vad.ort" }, `"vad.ort" is no .onnx file`},
		"escapes":        {func(m map[string]any) { file(m, "vad")["file"] = "\x1b[2Jvad" }, `"\x1b[2Jvad" is no name`},
		"no decoder":     {func(m map[string]any) { delete(m["files"].(map[string]any), "decoder") }, "decoder"},
		"other content":  {func(m map[string]any) { file(m, "vad")["sha256"] = strings.Repeat("0", 64) }, "vad.bin"},
		"file not there": {func(m map[string]any) { file(m, "vad")["file"] = "gone.onnx" }, "gone.onnx is missing"},
		"file outside":   {func(m map[string]any) { file(m, "vad")["file"] = "../vad.bin" }, "../vad.bin"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadSpeech(speechFolder(t, tt.change))
			if !errors.Is(err, ErrSpeech) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v; want an ErrSpeech that says %q", err, tt.says)
			}
		})
	}
	dir := speechFolder(t, func(m map[string]any) { file(m, "encoder")["sha256"] = externalHash })
	write(t, filepath.Join(dir, "encoder.bin"), externalGraph)
	if _, err := LoadSpeech(dir); !errors.Is(err, ErrSpeech) || !errors.Is(err, ErrExternal) {
		t.Errorf("external data: %v", err)
	}
	if _, err := LoadSpeech(t.TempDir()); !errors.Is(err, ErrSpeech) || !strings.Contains(err.Error(), "make speech") {
		t.Errorf("an empty folder: %v", err)
	}
}
