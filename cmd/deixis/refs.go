package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"deixis/model"
	"deixis/model/refs"
)

// A ref is one line of a refs.jsonl file whose picture's path is whole.
type ref struct {
	refs.Ref
	asked model.Phrase // Phrase in the bundle's tokens, once there is a bundle
}

// readRefs reads the lines of a split, or all when split is "", at most limit
// when that is above 0. A broken line is an error that names its number.
func readRefs(file, split string, limit int) ([]ref, error) {
	lines, err := refs.ReadFile(file, split, limit)
	if errors.Is(err, refs.ErrLine) || errors.Is(err, model.ErrNotRegular) {
		return nil, &inputError{err}
	}
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, &inputError{fmt.Errorf("read expressions %s: none of split %q (see --split)", file, split)}
	}
	all := make([]ref, len(lines))
	for i, line := range lines {
		line.Image = line.Path(filepath.Dir(file))
		all[i] = ref{Ref: line}
	}
	return all, nil
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
