package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"deixis/model"
)

// A ref is one line of a refs.jsonl file: a phrase and the box it means.
type ref struct {
	Image  string
	Phrase string
	Box    *model.Box // pixels; nil when it is not in the picture
	Kind   string     // "class", "position", ...; may be empty
	Line   int        // in the file, from 1

	asked model.Phrase // Phrase in the bundle's tokens, once there is a bundle
}

// readRefs reads the lines of a split, or all when split is "", at most limit
// when that is above 0. A broken line is an error that names its number.
func readRefs(file, split string, limit int) ([]ref, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read expressions: %w", err)
	}
	defer f.Close()
	refs, err := scanRefs(f, split, limit)
	if err != nil {
		return nil, &inputError{fmt.Errorf("read expressions %s: %w", file, err)}
	}
	if len(refs) == 0 {
		return nil, &inputError{fmt.Errorf("read expressions %s: none of split %q (see --split)", file, split)}
	}
	for i := range refs {
		if !filepath.IsAbs(refs[i].Image) {
			refs[i].Image = filepath.Join(filepath.Dir(file), refs[i].Image)
		}
	}
	return refs, nil
}

func scanRefs(r io.Reader, split string, limit int) ([]ref, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var refs []ref
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" {
			continue
		}
		one, of, err := parseRef(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if split != "" && of != split {
			continue
		}
		one.Line = n
		if refs = append(refs, one); len(refs) == limit {
			break
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return refs, nil
}

// parseRef reads one line, and the split it belongs to.
func parseRef(text string) (r ref, split string, err error) {
	var said struct {
		Image, Phrase, Kind, Split string
		Box                        []float32
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return r, "", fmt.Errorf("no JSON expression: %w", err)
	}
	r = ref{Image: said.Image, Phrase: said.Phrase, Kind: said.Kind}
	switch b := said.Box; {
	case said.Image == "":
		return r, "", errors.New("it names no image")
	case strings.TrimSpace(said.Phrase) == "":
		return r, "", errors.New("it has no phrase")
	case b == nil:
	case len(b) != 4:
		return r, "", fmt.Errorf("box has %d numbers, not x, y, width, height", len(b))
	case !(b[2] > 0 && b[3] > 0):
		return r, "", fmt.Errorf("box %v has no inside", b)
	default:
		r.Box = &model.Box{X1: b[0], Y1: b[1], X2: b[0] + b[2], Y2: b[1] + b[3]}
	}
	return r, said.Split, nil
}

// byImage groups refs by picture, in the order the pictures come first.
func byImage(refs []ref) [][]ref {
	var groups [][]ref
	at := map[string]int{}
	for _, r := range refs {
		i, ok := at[r.Image]
		if !ok {
			i = len(groups)
			at[r.Image] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}
