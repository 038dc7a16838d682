package model

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are the ANSI escape sequences (ECMA-48) that move a terminal's
// cursor, change its colours or its title: CSI, then OSC, DCS, SOS, PM and APC
// with their text, then the short ones.
var escapes = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]?` +
	`|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x07\x1b\x{9c}]*(?:\x07|\x1b\\|\x{9c})?` +
	`|\x1b[ -/]*[0-~]?`)

// Printable is text from outside (a bundle's name, say) as one line that is
// safe in a log or a terminal: escape sequences, control and format characters
// (which can turn the direction of writing) are removed, line ends and tabs
// become a space, broken UTF-8 becomes U+FFFD.
func Printable(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, "\ufffd"), "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsGraphic(r):
			return r
		}
		return -1
	}, text)
}
