package lens

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// A KnownSize is how large things of a name are.
type KnownSize struct {
	Name   string  // in small letters, without its article
	Metres float64 // high, or wide
	Wide   bool
}

// ParseSize reads NAME=METRES, such as "a mug"=0.09; an h after the number says high,
// which is the default, and a w wide.
func ParseSize(text string) (KnownSize, error) {
	name, value, ok := strings.Cut(text, "=")
	k := KnownSize{Name: strings.Join(words(strings.Trim(strings.TrimSpace(name), `"'`)), " ")}
	number, wide := strings.CutSuffix(strings.TrimSpace(value), "w")
	k.Wide = wide
	var err error
	k.Metres, err = strconv.ParseFloat(strings.TrimSuffix(number, "h"), 64)
	if !ok || k.Name == "" || err != nil || !(k.Metres > 0) || math.IsInf(k.Metres, 0) {
		return KnownSize{}, fmt.Errorf(`known size %q: not like "a mug"=0.09 (height in metres) or "a mug"=0.12w (width)`, text)
	}
	return k, nil
}

// words are those of a name or phrase in small letters, without articles.
func words(text string) []string {
	all := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' })
	kept := all[:0]
	for _, w := range all {
		if w != "a" && w != "an" && w != "the" {
			kept = append(kept, w)
		}
	}
	return kept
}

// SizeOf is the size of what phrase names: of all names whose words come in the phrase
// in a row, the longest.
func SizeOf(sizes []KnownSize, phrase string) (best KnownSize, ok bool) {
	said := " " + strings.Join(words(phrase), " ") + " "
	for _, k := range sizes {
		if strings.Contains(said, " "+k.Name+" ") && len(k.Name) > len(best.Name) {
			best, ok = k, true
		}
	}
	return best, ok
}
