// Package refs is the dataset format refs.jsonl: referring expressions, one
// JSON object a line, as the trainer reads and writes it.
package refs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"deixis/model"
)

// ErrLine says that a line is no referring expression.
var ErrLine = errors.New("no referring expression")

// A Ref is one referring expression: what a person calls one thing of a
// picture, and where that thing is.
type Ref struct {
	Image  string     // the picture: relative to the folder of the file, or absolute
	Phrase string     // without white space around it
	Box    *model.Box // corners in pixels of the picture; nil: the thing is not in it
	Kind   string     // "class", "position", "attribute", "relation", "absent", ...; may be empty
	Split  string     // "train", or what is never trained on
	Source string     // may be empty

	// Extra are the fields that this program has no use for (drawn, image_id,
	// ...), by name; they are written as they were read.
	Extra map[string]json.RawMessage

	Line int // in the file it was read from, from 1
}

// Path is where the picture of a Ref lies whose file is in folder.
func (r *Ref) Path(folder string) string {
	if filepath.IsAbs(r.Image) {
		return r.Image
	}
	return filepath.Join(folder, filepath.FromSlash(r.Image))
}

const (
	maxLine = 1 << 20 // bytes
	// maxPixel is the greatest coordinate of a box: up to it a float32 counts
	// single pixels.
	maxPixel = 1 << 24
	// slack is how far a box may reach over the edge of its picture, pixels: the
	// trainer allows as much, since annotators do.
	slack = 1
)

// parse reads one line. Its errors are ErrLine.
func parse(line []byte) (Ref, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(bytes.TrimPrefix(line, []byte("\ufeff")), &fields); err != nil {
		return Ref{}, fmt.Errorf("%w: %w (one JSON object a line: image, phrase, box)", ErrLine, err)
	}
	r := Ref{Split: "train"}
	for _, f := range []struct {
		name string
		to   *string
		must bool
	}{{"image", &r.Image, true}, {"phrase", &r.Phrase, true}, {"kind", &r.Kind, false}, {"split", &r.Split, false}, {"source", &r.Source, false}} {
		if err := take(fields, f.name, f.to, f.must); err != nil {
			return Ref{}, err
		}
	}
	raw, ok := fields["box"]
	if !ok {
		return Ref{}, fmt.Errorf("%w: it has no box (null says that the thing is not in the picture)", ErrLine)
	}
	delete(fields, "box")
	var err error
	if r.Box, err = parseBox(raw); err != nil {
		return Ref{}, err
	}
	if r.Phrase = strings.TrimSpace(r.Phrase); r.Phrase == "" {
		return Ref{}, fmt.Errorf("%w: its phrase is empty", ErrLine)
	}
	if r.Kind == "" && r.Box == nil {
		r.Kind = "absent"
	}
	if len(fields) > 0 {
		r.Extra = fields
	}
	return r, nil
}

// take moves a text out of fields. An optional one that is null, "" or not
// there leaves what to holds.
func take(fields map[string]json.RawMessage, name string, to *string, must bool) error {
	raw, ok := fields[name]
	delete(fields, name)
	var said *string
	if ok && json.Unmarshal(raw, &said) != nil {
		return fmt.Errorf("%w: its %s is not a text", ErrLine, name)
	}
	if said != nil && *said != "" {
		*to = *said
		return nil
	}
	if must {
		return fmt.Errorf("%w: it has no %s", ErrLine, name)
	}
	return nil
}

// parseBox reads [x, y, width, height] or null.
func parseBox(raw json.RawMessage) (*model.Box, error) {
	var said []*float64 // a null among the numbers would pass for 0
	if err := json.Unmarshal(raw, &said); err != nil || slices.Contains(said, nil) {
		return nil, fmt.Errorf("%w: its box is neither null nor [x, y, width, height]", ErrLine)
	}
	if said == nil {
		return nil, nil
	}
	if len(said) != 4 {
		return nil, fmt.Errorf("%w: its box has %d numbers, not x, y, width, height", ErrLine, len(said))
	}
	x, y, w, h := *said[0], *said[1], *said[2], *said[3]
	b := model.Box{X1: float32(x), Y1: float32(y), X2: float32(x + w), Y2: float32(y + h)}
	return &b, checkBox(b)
}

// checkBox refuses a box that cannot be in a picture.
func checkBox(b model.Box) error {
	for _, v := range []float32{b.X1, b.Y1, b.X2, b.Y2} {
		if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) || v > maxPixel {
			return fmt.Errorf("%w: its box has a corner at %v, not up to %d", ErrLine, v, maxPixel)
		}
	}
	if b.X1 < -slack || b.Y1 < -slack {
		return fmt.Errorf("%w: its box begins at %v, %v, outside the picture", ErrLine, b.X1, b.Y1)
	}
	if !(b.X2 > b.X1 && b.Y2 > b.Y1) {
		return fmt.Errorf("%w: its box has no inside", ErrLine)
	}
	return nil
}

// A line is the known fields of a Ref in the order they are written.
type line struct {
	Image  string      `json:"image"`
	Phrase string      `json:"phrase"`
	Box    *[4]float64 `json:"box"` // x, y, width, height
	Kind   string      `json:"kind,omitempty"`
	Split  string      `json:"split,omitempty"`
	Source string      `json:"source,omitempty"`
}

// encode is r as a line, with its end: what parse takes, to a hundredth of a
// pixel. Its errors are ErrLine.
func encode(r *Ref) ([]byte, error) {
	l := line{Image: filepath.ToSlash(r.Image), Phrase: r.Phrase, Kind: r.Kind, Split: r.Split, Source: r.Source}
	if b := r.Box; b != nil {
		if err := checkBox(*b); err != nil { // before Round makes a number of NaN
			return nil, err
		}
		x, y := hundredth(b.X1), hundredth(b.Y1)
		l.Box = &[4]float64{x, y, model.Round(hundredth(b.X2)-x, 2), model.Round(hundredth(b.Y2)-y, 2)}
	}
	raw, err := marshal(l)
	if err != nil {
		return nil, err
	}
	raw = raw[:len(raw)-1] // the brace: more fields follow
	for _, name := range slices.Sorted(maps.Keys(r.Extra)) {
		field, err := marshal(map[string]json.RawMessage{name: r.Extra[name]})
		if err != nil {
			return nil, fmt.Errorf("%w: its %q: %w", ErrLine, name, err)
		}
		raw = append(append(raw, ','), field[1:len(field)-1]...)
	}
	raw = append(raw, "}\n"...)
	if len(raw) > maxLine {
		return nil, fmt.Errorf("%w: it has %d bytes, not up to %d", ErrLine, len(raw), maxLine)
	}
	if _, err := parse(raw); err != nil { // a line that cannot be read is not written
		return nil, err
	}
	return raw, nil
}

// marshal is v on one line; <, > and & stay as they are, as in the trainer's
// files.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func hundredth(x float32) float64 { return model.Round(float64(x), 2) }
