package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"deixis/cmd/deixis/internal/app"
)

// python is an interpreter that can run the trainer's loop.
type python struct {
	exe     string
	trainer string // folder of the package, for an interpreter that has it not installed; may be ""
}

// findPython is the interpreter named, or that of the .venv of the project that
// the program lies in. The working folder, which may be anybody's, is not
// searched: what is found is run.
func findPython(named string) (*python, error) {
	root := app.AboveProgram("trainer/ca2m/ship/loop.py")
	p := &python{exe: named}
	if root != "" {
		p.trainer = filepath.Join(root, "trainer")
	}
	if p.exe == "" {
		if root = app.AboveProgram(".venv/bin/python"); root == "" {
			return nil, errors.New("no .venv/bin/python beside or above the program (name one with --python FILE)")
		}
		p.exe = filepath.Join(root, ".venv", "bin", "python")
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if _, err := p.run(ctx, "-c", "import cv2, onnxruntime, tokenizers, ca2m"); err != nil {
		return nil, err
	}
	return p, nil
}

// run runs the interpreter and returns what it printed.
func (p *python) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.exe, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if p.trainer != "" {
		cmd.Env = append(cmd.Env, "PYTHONPATH="+p.trainer+string(filepath.ListSeparator)+os.Getenv("PYTHONPATH"))
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return nil, fmt.Errorf("run %s: %w: %s", p.exe, err, lines[len(lines)-1])
	}
	return out, nil
}

// loop is how many frames a second Python makes of the same source, graphs,
// provider and threads, and what each costs, ms of all cores together.
func (p *python) loop(ctx context.Context, b *bench, frames int) (fps, cpu float64, err error) {
	chosen := b.by.Provider()
	out, err := p.run(ctx, "-m", "ca2m.ship.loop", b.ref.URI,
		"--bundle", b.by.Bundle.Dir, "--phrase", b.phrase.Text, "--frames", strconv.Itoa(frames),
		"--provider", chosen.Name, "--precision", strings.ReplaceAll(chosen.Precision, "/", ","), "--threads", strconv.Itoa(b.Threads))
	if err != nil {
		return 0, 0, err
	}
	var told struct {
		FPS float64
		CPU float64 `json:"cpu_ms"`
	}
	if err := json.Unmarshal(out, &told); err != nil || told.FPS <= 0 {
		return 0, 0, fmt.Errorf("run %s: it said %q, not its frames a second", p.exe, bytes.TrimSpace(out))
	}
	return told.FPS, told.CPU, nil
}
