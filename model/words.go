package model

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// words splits text as BERT's uncased tokenizer does before WordPiece: clean,
// give each Chinese sign room, take accents off, lower the case, split at white
// space, and make each punctuation sign a word.
//
// sugarme's own BertNormalizer and BertPreTokenizer are not used: they keep
// accents where tokenizer.json leaves strip_accents unset (BERT then strips
// them, because it lowers the case), they miss white space outside ASCII, and
// they track offsets at a cost that grows with the square of the text.
func words(text string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	for _, r := range norm.NFD.String(spaced(text)) {
		switch {
		case isAccent(r): // a sign of its own after NFD
		case isSpace(r):
			end()
		default:
			// One rune may become two: İ is i and a dot that NFD has already taken off,
			// so the simple mapping is enough and no final-sigma rule applies, as in BERT.
			if r = unicode.ToLower(r); isPunct(r) {
				end()
				out = append(out, string(r))
				continue
			}
			word.WriteRune(r)
		}
	}
	end()
	return out
}

// spaced is text without control characters and with room around each Chinese sign.
// The control characters go before NFD, so that what they kept apart can join.
func spaced(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text { // a broken byte arrives as U+FFFD
		switch {
		case r == unicode.ReplacementChar, isControl(r):
		case isSpace(r):
			b.WriteByte(' ')
		case isChinese(r):
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isSpace follows Unicode's White_Space.
func isSpace(r rune) bool { return unicode.Is(unicode.White_Space, r) }

// isControl follows BERT, where control, format (the joiner inside an emoji,
// say) and private use signs go, and of the controls only tab, newline and
// return are white space. A code point not assigned yet stays.
func isControl(r rune) bool {
	return r != '\t' && r != '\n' && r != '\r' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !unicode.Is(newer, r)
}

// isAccent says whether BERT strips r. U+1734 was one when BERT's tables were made.
func isAccent(r rune) bool {
	return unicode.Is(unicode.Mn, r) && !unicode.Is(newer, r) && r != 0x111C9 || r == 0x1734
}

// isPunct follows BERT, where every printable ASCII sign that is not a letter or
// digit splits a word. unicode.IsPunct alone would keep $+<=>^`|~ inside words.
// U+166D and U+111C9 were punctuation when BERT's tables were made.
func isPunct(r rune) bool {
	return unicode.IsPunct(r) && !unicode.Is(newer, r) || strings.ContainsRune("$+<=>^`|~\u166d\U000111c9", r)
}

// isChinese follows BERT's list of CJK ideographs; Hangul and kana, which are
// written in words or syllables, are not in it.
func isChinese(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4DBF, 0x4E00 <= r && r <= 0x9FFF, 0xF900 <= r && r <= 0xFAFF:
		return true
	case 0x20000 <= r && r <= 0x2A6DF, 0x2A700 <= r && r <= 0x2B73F, 0x2B740 <= r && r <= 0x2B81F,
		0x2B920 <= r && r <= 0x2CEAF, 0x2F800 <= r && r <= 0x2FA1F:
		return true
	}
	return false
}
