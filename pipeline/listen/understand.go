package listen

import (
	"slices"
	"strings"
	"time"
)

// A Mode says which utterances count.
type Mode string

// The modes.
const (
	PushToTalk Mode = "ptt"    // what is said while a button is held
	Always     Mode = "always" // everything said
	Wake       Mode = "wake"   // what begins with a wake phrase, and commands
)

// A Meaning is what an utterance asks for: a phrase, a command, or neither and
// why not.
type Meaning struct {
	Phrase  string
	Command Command
	Why     string // one line, where neither is there
}

// Why an utterance asks for nothing.
const (
	NoWords = "no words in it"
	NoWake  = "it does not begin with a wake phrase"
	NoThing = "it names no thing"
	Called  = "go on, what is it?" // a wake phrase alone
)

// Patience is how soon after a wake phrase said alone the thing's name must begin.
const Patience = 5 * time.Second

// Understand says what an utterance, as a recogniser wrote it, asks for.
func (l *Lexicon) Understand(text string, m Mode) Meaning {
	ws := wordsOf(text)
	if len(ws) == 0 {
		return Meaning{Why: NoWords}
	}
	if c := l.command(ws); c != "" {
		return Meaning{Command: c}
	}
	ws = l.fluent(ws)
	if c := l.command(ws); c != "" {
		return Meaning{Command: c}
	}
	asked := false
	if m == Wake {
		rest, ok := l.awake(ws)
		if polite, _ := l.bare(ws); !ok && l.command(polite) != "" {
			return Meaning{Command: l.command(polite)}
		}
		if !ok {
			return Meaning{Why: NoWake}
		}
		ws, asked = rest, true
		if c := l.command(ws); c != "" {
			return Meaning{Command: c}
		}
	}
	ws, carried := l.bare(ws)
	if c := l.command(ws); c != "" {
		return Meaning{Command: c}
	}
	ws = l.amended(ws)
	if l.empty(ws, asked || carried) || m == Always && l.talks(ws) {
		return Meaning{Why: NoThing}
	}
	return Meaning{Phrase: join(ws)}
}

// command is what the whole of ws orders; "" for none.
func (l *Lexicon) command(ws []word) Command {
	said := join(ws)
	for c, texts := range l.Commands {
		if slices.Contains(texts, said) {
			return c
		}
	}
	return ""
}

// fluent takes out fillers, asides, words broken off and words said twice.
func (l *Lexicon) fluent(ws []word) []word {
	var out []word
	for i := 0; i < len(ws); {
		n := begins(ws[i:], l.Fillers)
		if n == 0 && i > 0 && ws[i-1].pause {
			if k := begins(ws[i:], l.Asides); k > 0 && i+k < len(ws) && ws[i+k-1].pause {
				n = k
			}
		}
		switch {
		case n > 0:
			if len(out) > 0 && ws[i+n-1].pause {
				out[len(out)-1].pause = true
			}
			i += n
		case ws[i].torn && i+1 < len(ws):
			i++
		default:
			out = append(out, ws[i])
			i++
		}
	}
	return l.once(out)
}

// once drops a word that is said again at once, and two of them that begin with
// a determiner or the like: "on the on the left". Other pairs may well be meant.
func (l *Lexicon) once(ws []word) []word {
	var out []word
	for _, w := range ws {
		out = append(out, w)
		if n := len(out); n >= 2 && out[n-1].text == out[n-2].text {
			out = slices.Delete(out, n-2, n-1)
		}
		if n := len(out); n >= 4 && out[n-1].text == out[n-3].text && out[n-2].text == out[n-4].text && l.mayStutter(out[n-2].text) {
			out = slices.Delete(out, n-4, n-2)
		}
	}
	return out
}

func (l *Lexicon) mayStutter(w string) bool {
	return slices.Contains(l.Determiners, w) || slices.Contains(l.Stutters, w)
}

// bare takes off what is around the thing's name, and says whether something
// asked for it.
func (l *Lexicon) bare(ws []word) (_ []word, carried bool) {
	where := false
	for {
		n, asks, at := l.lead(ws)
		if n == 0 {
			break
		}
		ws, carried, where = ws[n:], carried || asks, where || at
	}
	for len(ws) > 0 {
		n := ends(ws, l.Closers)
		if k := ends(ws, l.Is); n == 0 && where {
			n = k
		}
		if n == 0 {
			break
		}
		ws = ws[:len(ws)-n]
	}
	return ws, carried
}

// lead is how many words at the start of ws are no part of the thing, whether
// they ask for it, and whether they ask where it is.
func (l *Lexicon) lead(ws []word) (n int, asks, where bool) {
	if n := begins(ws, l.Where); n > 0 && n >= begins(ws, l.Carriers) && (n > 1 || l.named(ws[n:])) {
		return n, true, true
	}
	if n := begins(ws, l.Carriers); n > 0 {
		return n, true, false
	}
	if n := begins(ws, l.Verbs); n > 0 && l.named(ws[n:]) {
		return n, true, false
	}
	if n := begins(ws, l.Openers); n > 0 {
		return n, false, false
	}
	if n := begins(ws, l.Guarded); n > 0 && n < len(ws) && (ws[n-1].pause || l.named(ws[n:]) || begins(ws[n:], l.Carriers) > 0) {
		return n, false, false
	}
	return 0, false, false
}

// named says whether ws begins as the name of a thing does.
func (l *Lexicon) named(ws []word) bool {
	return len(ws) > 1 && slices.Contains(l.Determiners, ws[0].text)
}

// amended keeps what a speaker put in place of the words before. "A man with no
// hat" takes nothing back.
func (l *Lexicon) amended(ws []word) []word {
	for i := len(ws) - 2; i > 0; i-- {
		n := max(l.takesBack(ws, i), l.asksAnew(ws, i))
		if n == 0 {
			continue
		}
		if rest, _ := l.bare(ws[i+n:]); len(rest) > 0 {
			return rest
		}
	}
	return ws
}

// asksAnew is how many words at i are a wake phrase before a thing's name: who
// asks again in the same breath means what comes last.
func (l *Lexicon) asksAnew(ws []word, i int) int {
	n := begins(ws[i:], l.Wake)
	if n > 0 && i+n < len(ws) && l.named(ws[i+n:]) {
		return n
	}
	return 0
}

// takesBack is how many words at i say that what follows replaces what is before; 0 for none.
func (l *Lexicon) takesBack(ws []word, i int) (n int) {
	if n = begins(ws[i:], l.Amends); n > 0 && i+n < len(ws) && (ws[i-1].pause || l.named(ws[i+n:])) {
		return n
	}
	n = begins(ws[i:], l.Denials)
	if n > 0 && i+n < len(ws) && (ws[i-1].pause && ws[i+n-1].pause || l.named(ws[i+n:])) {
		return n
	}
	return 0
}

// empty says whether ws names no thing; asked, that one was asked for. Letters
// with full stops between them are what mumbling is taken for.
func (l *Lexicon) empty(ws []word, asked bool) bool {
	return !slices.ContainsFunc(ws, func(w word) bool {
		return !slices.Contains(l.Empty, w.text) && !strings.Contains(w.text, ".") && (asked || !slices.Contains(l.Pronouns, w.text))
	})
}

// talks says whether ws is a piece of a talk.
func (l *Lexicon) talks(ws []word) bool {
	return slices.ContainsFunc(ws, func(w word) bool { return slices.Contains(l.Talk, w.text) })
}

// awake is what follows the wake phrase at the start of ws, past words that
// open a sentence.
func (l *Lexicon) awake(ws []word) (rest []word, ok bool) {
	for {
		if n := l.wakes(ws); n > 0 {
			return ws[n:], true
		}
		n := max(begins(ws, l.Openers), begins(ws, l.Guarded))
		for _, polite := range []string{"can you", "could you", "would you", "will you"} {
			n = max(n, starts(ws, polite))
		}
		if n == 0 {
			return nil, false
		}
		ws = ws[n:]
	}
}

// wakes is how many words of ws the wake phrase takes that it begins with; one
// of them may be misheard a little, split or run together: "pointed the cup".
func (l *Lexicon) wakes(ws []word) int {
	best, off := 0, 0
	for _, phrase := range l.Wake {
		parts := strings.Fields(phrase)
		whole := strings.Join(parts, "")
		for n := 1; n <= min(len(ws), len(parts)+1); n++ {
			heard := strings.ReplaceAll(join(ws[:n]), " ", "")
			d := distance(heard, whole)
			if d > slack(whole) || d > 0 && (heard[0] != whole[0] || len(heard) < len(whole)-1) {
				continue
			}
			if best == 0 || d < off || d == off && n == len(parts) {
				best, off = n, d
			}
		}
	}
	return best
}

// slack is how many letters of a wake phrase may be heard wrong.
func slack(phrase string) int {
	switch n := len(phrase); {
	case n < 5:
		return 0
	case n < 7:
		return 1
	}
	return 2
}

// distance is how many letters make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := before
			if a[i] != b[j] {
				d++
			}
			before = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
