package window

// What a key asks the window to do.
type action int

const (
	nothing action = iota
	quit
	submit
	pause
	heat
	mirror
	save
	talk
	help
)

// commands are the keys that are no part of a phrase, outside a line; they are
// the page's, too.
var commands = map[rune]action{'q': quit, escape: quit, 'p': pause, ' ': pause, 'h': heat, 'm': mirror, 't': talk, 's': save}

// The codes of keys that are no letters.
const (
	tab       = 9
	enter     = 13
	newline   = 10
	escape    = 27
	slash     = '/'
	backspace = 8
	del       = 127
)

// maxTyped bounds what is typed; the model takes less.
const maxTyped = 500

// A keyboard is the line that a person types in the window, and the keys beside
// it. / and Enter begin a line, Enter ends it and Esc gives it up. Outside a
// line letters are commands, and one that is none asks which there are.
type keyboard struct {
	on    bool
	typed []rune
	wrong string // why the line was refused
}

// keysyms are the keys of X that are no letters and yet mean something here.
var keysyms = map[int]rune{
	0xff08: backspace,
	0xff09: tab,
	0xff0d: enter,
	0xff8d: enter, // of the keypad
	0xff1b: escape,
	0xffff: del,
}

// letter is what a key's code says, 0 for a key that is not for typing, such as
// Shift or an arrow. OpenCV gives a letter's code in Latin-1, and above its 16
// bits which other keys are held.
func letter(code int) rune {
	if code &= 0xffff; code > 0xff {
		return keysyms[code]
	}
	return rune(code)
}

// press takes one key by its code.
func (t *keyboard) press(code int) action {
	r := letter(code)
	switch {
	case !t.on && commands[r] != nothing:
		return commands[r]
	case !t.on && (r == enter || r == newline || r == slash || r == tab):
		t.on = true
	case !t.on && r > ' ' && r != del:
		return help
	case r == escape:
		*t = keyboard{}
	case r == enter || r == newline:
		if len(t.typed) > 0 {
			return submit
		}
		*t = keyboard{}
	case r == backspace || r == del:
		t.typed = t.typed[:max(0, len(t.typed)-1)]
	case r >= ' ' && r < del || r >= 0xa0:
		if len(t.typed) < maxTyped {
			t.typed = append(t.typed, r)
		}
	}
	return nothing
}

// text is the line so far.
func (t *keyboard) text() string { return string(t.typed) }

// answer ends the line, or keeps it with the reason it was refused.
func (t *keyboard) answer(err error) {
	if err != nil {
		t.wrong = err.Error()
		return
	}
	*t = keyboard{}
}

// prompt is what to show of the line, if there is one.
func (t *keyboard) prompt() (lead, typed string, on bool) {
	if t.wrong != "" {
		return t.wrong + ":", t.text(), t.on
	}
	return "look for:", t.text(), t.on
}
