package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"deixis/camera"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundleDir is DEIXIS_BUNDLE or the bundle of this project; without it the test skips.
func bundleDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("DEIXIS_BUNDLE")
	if dir == "" {
		dir = filepath.Join("..", "assets", "models", "ca2m-edge")
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle.json")); err != nil {
		t.Skipf("no model bundle: %v", err)
	}
	return dir
}

func bundle(t testing.TB) *Bundle {
	t.Helper()
	b, err := Load(bundleDir(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scratch is a copy of the bundle that a test may break: its own bundle.json,
// links to the files.
func scratch(t *testing.T, change func(map[string]any)) string {
	t.Helper()
	from, to := bundleDir(t), t.TempDir()
	b, err := Read(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range b.Contents() {
		if err := os.Link(b.Path(f.Name), filepath.Join(to, f.Name)); err != nil {
			raw, err := os.ReadFile(b.Path(f.Name))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(to, f.Name), raw)
		}
	}
	raw, err := os.ReadFile(b.Path("bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(raw, &said); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(said)
	}
	if raw, err = json.Marshal(said); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "bundle.json"), raw)
	return to
}

// write replaces a file, never the one it may be linked to.
func write(t *testing.T, file string, raw []byte) {
	t.Helper()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func graph(said map[string]any, name string) map[string]any {
	return said["graphs"].(map[string]any)[name].([]any)[0].(map[string]any)
}

func TestLoad(t *testing.T) {
	b := bundle(t)
	if b.Name == "" || b.Image.Size == 0 || b.Limits.MaxTokens == 0 || b.Answers == 0 {
		t.Errorf("Load left holes: %+v", b)
	}
	for _, name := range GraphNames {
		if _, ok := b.Pick(name, "int8", "fp16", "fp32"); !ok {
			t.Errorf("no %s graph", name)
		}
	}
	if _, ok := b.Pick("frame", "fp7"); ok {
		t.Error("picked a precision that is not there")
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(map[string]any)
		harm   func(t *testing.T, dir string)
		want   error
		says   string
	}{
		"a newer format": {change: func(m map[string]any) { m["format"] = 2 }, want: ErrVersion, says: "it says 2"},
		"no format":      {change: func(m map[string]any) { delete(m, "format") }, want: ErrVersion, says: "it says none"},
		"malformed JSON": {harm: func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "bundle.json"), []byte(`{"format": 1,`))
		}, says: "not valid JSON"},
		"an empty file": {harm: func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "bundle.json"), nil)
		}, says: "not valid JSON"},
		"another type":    {change: func(m map[string]any) { m["answers"] = "five" }, says: "answers"},
		"no bundle.json":  {harm: remove("bundle.json"), want: fs.ErrNotExist, says: "--bundle"},
		"a missing graph": {harm: removeGraph, want: fs.ErrNotExist, says: "is missing"},
		"a broken graph": {harm: func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, graphFile(t, dir)), []byte("not ONNX"))
		}, want: ErrHash, says: "copy the bundle again"},
		"a wrong hash":   {change: func(m map[string]any) { graph(m, "frame")["sha256"] = "beef" }, want: ErrHash, says: `"beef"`},
		"a way out":      {change: func(m map[string]any) { graph(m, "frame")["file"] = "../frame.onnx" }, want: ErrPath},
		"an absolute":    {change: func(m map[string]any) { graph(m, "frame")["file"] = "/etc/hostname" }, want: ErrPath},
		"a link outside": {harm: linkOut, want: ErrPath},
		"a folder as graph": {harm: func(t *testing.T, dir string) {
			name := graphFile(t, dir)
			removeFile(t, dir, name)
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}, says: "is a folder"},
		"a pipe as graph": {harm: func(t *testing.T, dir string) {
			name := graphFile(t, dir)
			removeFile(t, dir, name)
			if err := os.Rename(pipe(t, dir), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}, want: camera.ErrNotRegular, says: "is a named pipe"},
		"a pipe as tokenizer": {harm: func(t *testing.T, dir string) {
			removeFile(t, dir, "tokenizer.json")
			if err := os.Rename(pipe(t, dir), filepath.Join(dir, "tokenizer.json")); err != nil {
				t.Fatal(err)
			}
		}, want: camera.ErrNotRegular, says: "is a named pipe"},
		"a pipe as bundle.json": {harm: func(t *testing.T, dir string) {
			removeFile(t, dir, "bundle.json")
			if err := os.Rename(pipe(t, dir), filepath.Join(dir, "bundle.json")); err != nil {
				t.Fatal(err)
			}
		}, want: camera.ErrNotRegular, says: "is a named pipe"},
		"a bundle.json without end": {harm: func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "bundle.json"), MaxJSON+1); err != nil {
				t.Fatal(err)
			}
		}, says: "more than 16777216"},
		"an endless graph": {harm: func(t *testing.T, dir string) {
			name := graphFile(t, dir)
			write(t, filepath.Join(dir, name), nil)
			if err := os.Truncate(filepath.Join(dir, name), maxFile+1); err != nil { // takes no room on the disk
				t.Skip(err)
			}
		}, says: "8589934592 are the most"},
		"no ground graph":  {change: func(m map[string]any) { delete(m["graphs"].(map[string]any), "ground") }, says: `"ground"`},
		"odd precision":    {change: func(m map[string]any) { graph(m, "frame")["precision"] = "fp7" }, says: "fp7"},
		"no inputs":        {change: func(m map[string]any) { graph(m, "frame")["inputs"] = []any{} }, says: "lists no inputs"},
		"negative size":    {change: func(m map[string]any) { m["image"].(map[string]any)["size"] = -1 }, says: "image.size is -1"},
		"threshold over 1": {change: func(m map[string]any) { m["threshold"].(map[string]any)["present"] = 1.5 }, says: "threshold.present"},
		"unhashed tokens":  {change: func(m map[string]any) { delete(m["files"].(map[string]any), "tokenizer.json") }, says: "phrase.tokenizer"},
		"unhashed weights": {change: func(m map[string]any) { weights(m) }, says: `weights.file names "weights.safetensors"`},
		"spoilt weights": {change: func(m map[string]any) {
			weights(m)
			m["files"].(map[string]any)["weights.safetensors"] = strings.Repeat("0", 64)
		}, harm: func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "weights.safetensors"), []byte("half a file"))
		}, want: ErrHash, says: "weights.safetensors"},
		"two things at once": {change: func(m map[string]any) { m["answers"], m["name"] = 0, "" }, says: "name is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := scratch(t, tt.change)
			if tt.harm != nil {
				tt.harm(t, dir)
			}
			_, err := Load(dir)
			if !errors.Is(err, ErrBundle) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want ErrBundle and %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %q does not say %q and the folder", err, tt.says)
			}
		})
	}
}

// weights lets bundle.json speak of trained weights that files does not list.
func weights(said map[string]any) {
	said["weights"] = map[string]any{"file": "weights.safetensors", "precision": "fp16"}
	delete(said["files"].(map[string]any), "weights.safetensors")
}

func TestLoadTakesWeights(t *testing.T) {
	raw := []byte("not for the program to read")
	sum := sha256.Sum256(raw)
	dir := scratch(t, func(m map[string]any) {
		weights(m)
		m["files"].(map[string]any)["weights.safetensors"] = hex.EncodeToString(sum[:])
	})
	write(t, filepath.Join(dir, "weights.safetensors"), raw)
	b, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Weights == nil || b.Weights.File != "weights.safetensors" {
		t.Errorf("Weights = %+v", b.Weights)
	}
}

// graphFile is the first file that dir's bundle.json lists.
func graphFile(t *testing.T, dir string) string {
	t.Helper()
	b, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b.Graphs["frame"][0].File
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { removeFile(t, dir, name) }
}

func removeFile(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func removeGraph(t *testing.T, dir string) { removeFile(t, dir, graphFile(t, dir)) }

// linkOut replaces a graph by a link to the same bytes outside the folder.
func linkOut(t *testing.T, dir string) {
	name := graphFile(t, dir)
	outside := filepath.Join(t.TempDir(), name)
	if err := os.Rename(filepath.Join(dir, name), outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func vocab(said map[string]any) map[string]any {
	return said["model"].(map[string]any)["vocab"].(map[string]any)
}

func TestTokenizerRefuses(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(bundleDir(t), "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string]any){
		"cased":       func(m map[string]any) { m["normalizer"].(map[string]any)["lowercase"] = false },
		"accents":     func(m map[string]any) { m["normalizer"].(map[string]any)["strip_accents"] = false },
		"BPE":         func(m map[string]any) { m["model"].(map[string]any)["type"] = "BPE" },
		"byte level":  func(m map[string]any) { m["pre_tokenizer"].(map[string]any)["type"] = "ByteLevel" },
		"no [UNK]":    func(m map[string]any) { m["model"].(map[string]any)["unk_token"] = "<unk>" },
		"id of -1":    func(m map[string]any) { vocab(m)["cup"] = -1 },
		"huge id":     func(m map[string]any) { vocab(m)["cup"] = 1 << 20 },
		"huge words":  func(m map[string]any) { m["model"].(map[string]any)["max_input_chars_per_word"] = 1<<20 + 1 },
		"no words":    func(m map[string]any) { m["model"].(map[string]any)["max_input_chars_per_word"] = 0 },
		"special -1":  func(m map[string]any) { m["added_tokens"].([]any)[0].(map[string]any)["id"] = -1 },
		"special big": func(m map[string]any) { m["added_tokens"].([]any)[0].(map[string]any)["id"] = 1 << 20 },
		"strips":      func(m map[string]any) { m["added_tokens"].([]any)[0].(map[string]any)["lstrip"] = true },
		"no content":  func(m map[string]any) { m["added_tokens"].([]any)[0].(map[string]any)["content"] = "" },
		"many":        func(m map[string]any) { m["added_tokens"] = slices.Repeat(m["added_tokens"].([]any)[:1], maxFiles+1) },
		"no specials": func(m map[string]any) { m["added_tokens"] = nil },
	} {
		t.Run(name, func(t *testing.T) {
			var said map[string]any
			if err := json.Unmarshal(raw, &said); err != nil {
				t.Fatal(err)
			}
			change(said)
			out, _ := json.Marshal(said)
			file := filepath.Join(t.TempDir(), "tokenizer.json")
			write(t, file, out)
			if _, err := loadTokenizer(file); err == nil {
				t.Error("loaded")
			}
		})
	}
}

// pipe makes a named pipe in dir: opening one blocks until somebody writes.
func pipe(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	return name
}
