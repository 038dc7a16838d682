package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxOrdinal is how far the weights count: "the third from the left".
const maxOrdinal = 3

// A language is taken for another than English by the share of words that the
// English vocabulary knows only in pieces or not at all. On 54,000 English
// phrases about photographs this warns of 44.
const (
	minForeignShare = 0.4
	minForeignWords = 3 // one rare word among two proves nothing: "a giraffe"
)

var (
	negations = []string{"not", "no", "without", "except", "excluding", "neither", "nor", "none", "never", "nobody", "nothing", "isn", "aren", "doesn", "don", "didn", "cannot", "hasn", "haven", "wasn", "weren", "isnt", "arent", "doesnt", "dont", "cant"}

	ordinals = []string{"fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth",
		"fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth", "thirtieth", "hundredth"}

	// english are words that no phrase of another language in Latin letters is
	// likely to have.
	english = []string{"the", "with", "of", "and", "left", "right", "next", "behind", "front", "that", "wearing", "from", "near", "under", "above"}
)

// Unserved says, a short line each, what in the phrase the published weights
// were not trained for, and what to expect of it; mostly nothing. It only looks
// at the phrase: the same phrase gives the same lines.
func (p Phrase) Unserved() []string {
	said := words(p.Text)
	var warnings []string
	if w, ok := first(said, negations); ok {
		warnings = append(warnings, fmt.Sprintf("%q: negation is not understood, what is excluded may be what is found", w))
	}
	if i := slices.IndexFunc(said, beyond); i >= 0 {
		warnings = append(warnings, fmt.Sprintf("%q: counting ends at the third, any of the row may be found", Printable(said[i])))
	}
	if p.foreign(said) {
		warnings = append(warnings, "this does not look like English, the only language that is understood")
	}
	return warnings
}

// first is the first of said that is one of set.
func first(said, set []string) (string, bool) {
	i := slices.IndexFunc(said, func(w string) bool { return slices.Contains(set, w) })
	if i < 0 {
		return "", false
	}
	return said[i], true
}

// beyond says whether a word is an ordinal that the weights do not count to:
// "fourth", "5th", "21st".
func beyond(word string) bool {
	if slices.Contains(ordinals, word) {
		return true
	}
	for _, suffix := range []string{"st", "nd", "rd", "th"} {
		if digits, ok := strings.CutSuffix(word, suffix); ok {
			n, err := strconv.Atoi(digits)
			return err == nil && n > maxOrdinal
		}
	}
	return false
}

// foreign says whether a phrase seems to be in another language than English: it
// has letters of another script, or its words are not in the vocabulary.
func (p Phrase) foreign(said []string) bool {
	for _, r := range p.Text {
		if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) {
			return true
		}
	}
	if _, ok := first(said, english); ok || p.words < minForeignWords {
		return false
	}
	return float64(p.broken) >= minForeignShare*float64(p.words)
}
