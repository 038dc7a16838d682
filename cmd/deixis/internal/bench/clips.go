package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/listen"
)

// longestClip is how long a program may speak a phrase.
const longestClip = time.Minute

// A clipper has phrases spoken by other programs, and keeps what they said.
type clipper struct {
	dir    string   // of the clips; those that are there are taken as they are
	voices []string // "espeak-ng:en-us" or "flite:slt", in turns
}

// voice is the i-th.
func (c *clipper) voice(i int) string { return c.voices[i%len(c.voices)] }

// file is where the clip of a phrase in the i-th voice lies.
func (c *clipper) file(i int, phrase string) string {
	sum := sha256.Sum256([]byte(c.voice(i) + "\n" + phrase))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:8])+".wav")
}

// clip is the sound of a phrase in the i-th voice.
func (c *clipper) clip(ctx context.Context, i int, phrase string) ([]float32, error) {
	voice, file := c.voice(i), c.file(i, phrase)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := speak(ctx, voice, phrase, file); err != nil {
			return nil, err
		}
	}
	f, err := camera.OpenRegular(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pcm, err := listen.ReadWAV(f, longestClip)
	if err != nil {
		return nil, fmt.Errorf("read clip %s: %w", file, err)
	}
	return pcm, nil
}

// speak has a program say phrase into file.
func speak(ctx context.Context, voice, phrase, file string) error {
	program, name, _ := strings.Cut(voice, ":")
	args := []string{"-v", name, "-s", "145", "-w", file, phrase}
	switch program {
	case "espeak-ng":
	case "flite":
		args = []string{"-voice", name, "-t", phrase, "-o", file}
	default:
		return app.Usage(fmt.Errorf("--voices %s: not espeak-ng:NAME or flite:NAME", voice))
	}
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return app.Input(fmt.Errorf("speak %q: there is no %s on this machine (install it, or give --clips with the clips in it)", phrase, program))
	}
	if err != nil {
		return fmt.Errorf("speak %q as %s: %w: %s", phrase, voice, err, firstOf(string(out)))
	}
	return nil
}

// firstOf is the first line of a text.
func firstOf(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
