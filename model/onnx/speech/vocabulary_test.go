package speech

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entries is a tokenizer.bin of some entries.
func entries(words ...string) []byte {
	var raw []byte
	for _, w := range words {
		if n := len(w); n < 128 {
			raw = append(raw, byte(n))
		} else {
			raw = append(raw, byte(n%128+128), byte(n/128))
		}
		raw = append(raw, w...)
	}
	return raw
}

func TestVocabulary(t *testing.T) {
	long := strings.Repeat("a", 300)
	v, err := parseVocabulary(entries("<unk>", "<s>", "</s>", "▁the", "▁red", "▁c", "up", long, "<0xC3>", "<0xA9>", "", "<"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		tokens []int64
		want   string
	}{
		"nothing":       {nil, ""},
		"words":         {[]int64{1, 3, 4, 5, 6, 2}, "the red cup"},
		"long entry":    {[]int64{7}, long},
		"bytes":         {[]int64{5, 8, 9}, "cé"},
		"half a letter": {[]int64{5, 8}, "c"},
		"past the end":  {[]int64{3, 12, 40000, -1}, "the"},
		"empty and <":   {[]int64{10, 11}, "<"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := v.text(tt.tokens); got != tt.want {
				t.Errorf("text(%v) = %q, want %q", tt.tokens, got, tt.want)
			}
		})
	}
}

func TestVocabularyBroken(t *testing.T) {
	for name, raw := range map[string][]byte{
		"empty":         {},
		"cut in length": {200},
		"cut in entry":  {3, 'a', 'b'},
		"cut in a long": {200, 1, 'a'},
	} {
		file := filepath.Join(t.TempDir(), "tokenizer.bin")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openVocabulary(file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
