package model

import "testing"

func TestPrintable(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"plain":           {"ca2m-edge", "ca2m-edge"},
		"other scripts":   {"naïve 猫 🙂", "naïve 猫 🙂"},
		"colour":          {"\x1b[31;1mred\x1b[0m", "red"},
		"clear screen":    {"a\x1b[2J\x1b[Hb", "ab"},
		"title, bell":     {"a\x1b]0;own title\x07b", "ab"},
		"title, ST":       {"a\x1b]0;own title\x1b\\b", "ab"},
		"title, no end":   {"a\x1b]0;own title", "a"},
		"device string":   {"a\x1bP1$r\x1b\\b", "ab"},
		"reset":           {"a\x1bcb", "ab"},
		"charset":         {"a\x1b(0b", "ab"},
		"escape at end":   {"a\x1b", "a"},
		"eight-bit CSI":   {"a\u009b31mb", "ab"},
		"eight-bit OSC":   {"a\u009d0;t\u009cb", "ab"},
		"line ends":       {"a\nb\r\nc\td\u2028e", "a b  c d e"},
		"bell, backspace": {"a\ab\bc\x00", "abc"},
		"right to left":   {"a\u202ebc\u2066d", "abcd"},
		"zero width":      {"a\u200bb\ufeffc", "abc"},
		"broken UTF-8":    {"a\xff\xfeb", "a\ufffdb"},
		"lone C1 byte":    {"a\x9b31mb", "a\ufffd31mb"},
		"private use":     {"a\ue000b", "ab"},
		"empty":           {"", ""},
		"escape in words": {"a\x1b[b c", "a c"},
		"brackets stay":   {"[0m (x)", "[0m (x)"},
		"no-break space":  {"a\u00a0b", "a\u00a0b"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Printable(tt.text)
			if got != tt.want {
				t.Errorf("Printable(%+q) = %+q, want %+q", tt.text, got, tt.want)
			}
			if again := Printable(got); again != got {
				t.Errorf("a second time %+q becomes %+q", got, again)
			}
		})
	}
}
