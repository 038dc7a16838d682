package speech

import "testing"

func TestPlausible(t *testing.T) {
	for _, tt := range []struct {
		text, language string
		want           bool
	}{
		{"The red cup.", "en", true},
		{"Café no. 3", "en", true},
		{"3", "en", true},
		{"♪♪♪ ♪♪", "en", false},
		{"♪Oh ♪♪", "en", false},
		{".", "en", false},
		{"", "en", false},
		{"2-3ตวบ", "en", false},
		{"красная чашка", "en", false},
		{"красная чашка", "ru", true},
		{"♪", "ru", false},
	} {
		if got := plausible(tt.text, tt.language); got != tt.want {
			t.Errorf("plausible(%q, %q) = %v", tt.text, tt.language, got)
		}
	}
}
