package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"deixis/camera"
	"deixis/model/refs"
	"deixis/pipeline/annotate"
)

// ErrFixes says that a file holds nothing that was judged on a page of this package.
var ErrFixes = errors.New("no judgements")

// Read reads what was downloaded from a page. Lines that do not say which frame of which
// file they are about, such as those of other data sets, are passed over; a file without
// any other is ErrFixes. Errors are also those of refs.Scan and the file system.
func Read(file string) ([]annotate.Fix, error) {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read judgements %s: %w", file, camera.ErrNotRegular)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read judgements: %w", err)
	}
	defer f.Close()
	var fixes []annotate.Fix
	for r, err := range refs.Scan(f) {
		if err != nil {
			return nil, fmt.Errorf("read judgements %s: %w", file, err)
		}
		var said struct {
			File  string
			Frame *int
			Span  [2]float64
		}
		for name, to := range map[string]any{"file": &said.File, "frame": &said.Frame, "span": &said.Span} {
			if raw, ok := r.Extra[name]; ok && json.Unmarshal(raw, to) != nil {
				return nil, fmt.Errorf("read judgements %s: line %d: %s is %s: %w", file, r.Line, name, raw, refs.ErrLine)
			}
		}
		if said.File == "" || said.Frame == nil {
			continue
		}
		fixes = append(fixes, annotate.Fix{Source: said.File, Phrase: r.Phrase, Frame: *said.Frame, Box: r.Box, From: seconds(said.Span[0]), To: seconds(said.Span[1])})
	}
	if len(fixes) == 0 {
		return nil, fmt.Errorf("read judgements %s: %w (no line says which frame of which file it is about)", file, ErrFixes)
	}
	return fixes, nil
}

// seconds is a time that was written to a thousandth.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1000)) * time.Millisecond
}
