package model

import (
	"fmt"
	"slices"
	"testing"
)

// A CJK ideograph is a word of its own; what lies beside BERT's blocks of them is not.
func TestIdeographsAtTheEdgesOfTheirBlocks(t *testing.T) {
	blocks := [][2]rune{
		{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x2A6DF},
		{0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
	}
	inside := func(r rune) bool {
		return slices.ContainsFunc(blocks, func(b [2]rune) bool { return b[0] <= r && r <= b[1] })
	}
	for _, b := range blocks {
		for _, r := range []rune{b[0] - 1, b[0], b[1], b[1] + 1} {
			want := 1
			if inside(r) {
				want = 3
			}
			if got := words(fmt.Sprintf("a%cb", r)); len(got) != want {
				t.Errorf("U+%04X between two letters: %q, want %d words", r, got, want)
			}
		}
	}
}

func TestBegin(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"short":    {"a cup", "a cup"},
		"as long":  {"0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789"},
		"longer":   {"01234567890123456789012345678901234567890", "0123456789012345678901234567890123456789…"},
		"of three": {"杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯", "杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯杯…"},
	} {
		if got := begin(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
