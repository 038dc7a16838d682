package listen

import (
	"strings"
	"unicode"
)

// A word is one of an utterance: lower case, without signs around it.
type word struct {
	text  string
	pause bool // a comma, a full stop or the like follows
	torn  bool // it was broken off: "re-"
}

// wordsOf splits what a recogniser wrote. What stands in brackets is a sound,
// not speech, and goes.
func wordsOf(text string) []word {
	var out []word
	for _, field := range strings.Fields(unbracketed(text)) {
		field = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`).Replace(strings.ToLower(field))
		inner := strings.TrimFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
		if inner == "" {
			if len(out) > 0 {
				out[len(out)-1].pause = true // a dash that stands alone
			}
			continue
		}
		after := field[strings.LastIndex(field, inner)+len(inner):]
		if after == "'" && strings.HasSuffix(inner, "s") {
			inner += after // the dogs' bowl
		}
		out = append(out, word{
			text:  number(inner),
			pause: strings.ContainsAny(after, ",.;:!?…—"),
			torn:  strings.HasPrefix(after, "-") || strings.HasPrefix(after, "—"),
		})
	}
	keepLabels(out)
	return out
}

// unbracketed is text without (laughter) and [music].
func unbracketed(text string) string {
	var b strings.Builder
	depth := 0
	for _, r := range text {
		switch r {
		case '[', '(', '<':
			depth++
		case ']', ')', '>':
			depth = max(0, depth-1)
			b.WriteByte(' ')
		default:
			if depth == 0 {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// numbers are the digits that phrases are written with in letters.
var numbers = map[string]string{
	"1": "one", "2": "two", "3": "three", "4": "four", "5": "five", "6": "six",
	"7": "seven", "8": "eight", "9": "nine", "10": "ten", "11": "eleven", "12": "twelve",
	"1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "5th": "fifth", "6th": "sixth",
	"7th": "seventh", "8th": "eighth", "9th": "ninth", "10th": "tenth", "11th": "eleventh", "12th": "twelfth",
}

// digits are the words of numbers as signs carry them.
var digits = func() map[string]string {
	back := map[string]string{}
	for sign, word := range numbers {
		if unicode.IsNumber(rune(sign[len(sign)-1])) {
			back[word] = sign
		}
	}
	return back
}()

// number is a small number in letters, and any other word as it is.
func number(w string) string {
	if letters, ok := numbers[w]; ok {
		return letters
	}
	return w
}

// keepLabels writes what follows "number" as a digit: it is read off a sign or
// a shirt, and so it is in the trainer's phrases.
func keepLabels(ws []word) {
	for i := 1; i < len(ws); i++ {
		if sign, ok := digits[ws[i].text]; ok && ws[i-1].text == "number" {
			ws[i].text = sign
		}
	}
}

// join puts words back together.
func join(ws []word) string {
	texts := make([]string, len(ws))
	for i := range ws {
		texts[i] = ws[i].text
	}
	return strings.Join(texts, " ")
}

// Normalise is what a recogniser wrote as phrases are written: lower case, no
// signs but those inside words, small numbers in letters.
func Normalise(text string) string { return join(wordsOf(text)) }

// begins is how many words of ws the first of the given texts that fits takes;
// the longest wins, 0 is none.
func begins(ws []word, texts []string) int {
	best := 0
	for _, t := range texts {
		if n := starts(ws, t); n > best {
			best = n
		}
	}
	return best
}

// starts is how many words text has when ws begins with it, else 0.
func starts(ws []word, text string) int {
	n := 0
	for part := range strings.FieldsSeq(text) {
		if n >= len(ws) || ws[n].text != part {
			return 0
		}
		n++
	}
	return n
}

// ends is how many words of ws the longest of texts takes from the end.
func ends(ws []word, texts []string) int {
	best := 0
	for _, t := range texts {
		n := len(strings.Fields(t))
		if n > best && n <= len(ws) && starts(ws[len(ws)-n:], t) == n {
			best = n
		}
	}
	return best
}
