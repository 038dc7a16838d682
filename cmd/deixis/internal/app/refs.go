package app

import (
	"errors"
	"fmt"
	"path/filepath"

	"deixis/camera"
	"deixis/model"
	"deixis/model/refs"
)

// A Ref is one line of a refs.jsonl file whose picture's path is whole.
type Ref struct {
	refs.Ref
	Asked model.Phrase // Phrase in the bundle's tokens, once there is a bundle
}

// ReadRefs reads the lines of a split, or all when split is "", at most limit
// when that is above 0. A broken line is an error that names its number.
func ReadRefs(file, split string, limit int) ([]Ref, error) {
	lines, err := refs.ReadFile(file, split, limit)
	if errors.Is(err, refs.ErrLine) || errors.Is(err, camera.ErrNotRegular) {
		return nil, Input(err)
	}
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, Input(fmt.Errorf("read expressions %s: none of split %q (see --split)", file, split))
	}
	all := make([]Ref, len(lines))
	for i, line := range lines {
		line.Image = line.Path(filepath.Dir(file))
		all[i] = Ref{Ref: line}
	}
	return all, nil
}

// ByImage groups refs by picture, in the order the pictures come first.
func ByImage(refs []Ref) [][]Ref {
	var groups [][]Ref
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
