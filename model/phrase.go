package model

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What can be wrong with a phrase.
var (
	ErrEmptyPhrase = errors.New("empty phrase")
	ErrLongPhrase  = errors.New("phrase too long")
)

// Phrase is a text in the network's own words. Only Bundle.Phrase makes one.
type Phrase struct {
	Text string  // as given, without white space around it
	IDs  []int64 // token ids, [CLS] first and [SEP] last; at most MaxTokens

	words   int      // without punctuation
	broken  int      // of them, not whole in the vocabulary
	pieces  []string // those in several pieces
	unknown []string // those of which the vocabulary has not even pieces
}

// Tokens is how many tokens the text became, [CLS] and [SEP] not counted.
func (p Phrase) Tokens() int { return max(0, len(p.IDs)-2) }

// Pieces are the words that the vocabulary knows only in pieces, in lower case: what they
// mean is less sure.
func (p Phrase) Pieces() []string { return p.pieces }

// Unknown are the words that the vocabulary does not know at all, in lower case: they mean
// nothing to the network.
func (p Phrase) Unknown() []string { return p.unknown }

// Phrase turns text into tokens. Accents, case and how they are composed do
// not matter. Its errors are ErrEmptyPhrase, also for a text of nothing but
// punctuation, special tokens and signs that cannot be seen, and ErrLongPhrase.
func (b *Bundle) Phrase(text string) (Phrase, error) {
	text = strings.TrimSpace(text)
	if b.tokens == nil {
		return Phrase{}, b.wrong(errors.New("only read, not loaded: it takes no phrases"))
	}
	room := b.Limits.MaxTokens - 2 // [CLS] and [SEP]
	ids, n, seen := b.tokens.encode(text, room)
	switch {
	case n == 0, ids != nil && seen.words == 0:
		return Phrase{}, fmt.Errorf("read phrase %q: %w (say what to look for)", begin(text), ErrEmptyPhrase)
	case ids == nil:
		return Phrase{}, fmt.Errorf("read phrase %q: %w: it has %d words and signs, and %d tokens fit (say it shorter)", begin(text), ErrLongPhrase, n, room)
	case n > room:
		return Phrase{}, fmt.Errorf("read phrase %q: %w: it has %d tokens, and %d fit (say it shorter)", begin(text), ErrLongPhrase, n, room)
	}
	return Phrase{Text: text, IDs: ids, words: seen.words, broken: len(seen.pieces) + len(seen.unknown), pieces: seen.pieces, unknown: seen.unknown}, nil
}

// begin is the start of a text, short enough for one line of an error.
func begin(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text[:min(len(text), 4*most)])[:most]) + "…"
}
