package refs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"deixis/camera"
)

// Scan reads one Ref after the other and keeps none; blank lines are passed
// over. It ends after the first error, which is ErrLine with the line's number,
// or the reader's.
func Scan(r io.Reader) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		n := 0
		for lines.Scan() {
			n++
			line := bytes.TrimSpace(lines.Bytes())
			if len(line) == 0 {
				continue
			}
			ref, err := parse(line)
			if err != nil {
				yield(Ref{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			ref.Line = n
			if !yield(ref, nil) {
				return
			}
		}
		err := lines.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("%w: it has more than %d bytes", ErrLine, maxLine)
		}
		if err != nil {
			yield(Ref{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}

// ReadFile reads the lines of a split, or all when split is "", at most limit
// when that is above 0. Errors are ErrLine, with file and line, and those of
// camera.OpenRegular.
func ReadFile(file, split string, limit int) ([]Ref, error) {
	f, err := camera.OpenRegular(file)
	if err != nil {
		return nil, fmt.Errorf("read expressions: %w", err)
	}
	defer f.Close()
	var all []Ref
	for r, err := range Scan(f) {
		if err != nil {
			return nil, fmt.Errorf("read expressions %s: %w", file, err)
		}
		if split != "" && r.Split != split {
			continue
		}
		if all = append(all, r); len(all) == limit {
			break
		}
	}
	return all, nil
}
