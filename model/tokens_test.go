package model

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// readGolden reads a file that the trainer wrote, or skips.
func readGolden(t *testing.T, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "assets", "golden", file))
	if err != nil {
		t.Skipf("no golden file (the trainer's export writes it): %v", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
}

func TestEncodeAsTheTrainerDoes(t *testing.T) {
	b := bundle(t)
	var golden []struct {
		Text string
		IDs  []int64
	}
	readGolden(t, "phrases.json", &golden)
	if len(golden) < 500 {
		t.Fatalf("only %d golden phrases", len(golden))
	}
	for _, g := range golden {
		if got, _, _ := b.tokens.encode(g.Text, 1<<20); !slices.Equal(got, g.IDs) {
			t.Errorf("encode(%+q)\n got %v\nwant %v", g.Text, got, g.IDs)
		}
	}
}

func TestWords(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"nothing":          {"", nil},
		"blanks":           {" \t\r\n\u3000", nil},
		"invisible":        {"\u200b\x07\ufeff", nil},
		"case":             {"The RED Cup", []string{"the", "red", "cup"}},
		"composed":         {"café", []string{"cafe"}},
		"decomposed":       {"cafe\u0301", []string{"cafe"}},
		"apostrophe":       {"zebra's", []string{"zebra", "'", "s"}},
		"ASCII signs":      {"a+b=c", []string{"a", "+", "b", "=", "c"}},
		"other signs stay": {"5€", []string{"5€"}},
		"Chinese":          {"the猫sits", []string{"the", "猫", "sits"}},
		"kana stay":        {"ねこ", []string{"ねこ"}},
		"joined emoji":     {"👨\u200d👩", []string{"👨👩"}},
		"control joins":    {"e\x07\u0301x", []string{"ex"}},
		"vertical tab":     {"a\vb", []string{"ab"}},
		"broken byte":      {"a\xffb", []string{"ab"}},
		"dotted capital":   {"İ", []string{"i"}},
		"newer sign stays": {"a\u2e43b", []string{"a\u2e43b"}},
		"older sign parts": {"a\u166db", []string{"a", "\u166d", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := words(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("words(%+q) = %+q, want %+q", tt.text, got, tt.want)
			}
		})
	}
}

func TestPhrase(t *testing.T) {
	b := bundle(t)
	room := b.Limits.MaxTokens - 2
	for name, tt := range map[string]struct {
		text string
		want error
		says string
	}{
		"plain":            {"the red cup", nil, ""},
		"trimmed":          {"  the red cup\n", nil, ""},
		"just fits":        {strings.Repeat("cup ", room), nil, ""},
		"empty":            {"", ErrEmptyPhrase, "say what to look for"},
		"blank":            {" \t ", ErrEmptyPhrase, ""},
		"punctuation":      {"?!", ErrEmptyPhrase, "say what to look for"},
		"one point":        {".", ErrEmptyPhrase, ""},
		"dashes, quotes":   {"— « » \u3002", ErrEmptyPhrase, ""},
		"a mask":           {"[MASK]", ErrEmptyPhrase, ""},
		"mask and point":   {"[SEP] . [PAD]", ErrEmptyPhrase, ""},
		"one letter":       {"a?", nil, ""},
		"a digit":          {"7", nil, ""},
		"a smile":          {"🙂", nil, ""},
		"many points":      {strings.Repeat(".", 10_000), ErrLongPhrase, "10000 words"},
		"invisible":        {"\u200b\ufeff", ErrEmptyPhrase, ""},
		"one too many":     {strings.Repeat("cup ", room+1), ErrLongPhrase, "say it shorter"},
		"pieces":           {strings.Repeat("xqzj ", room), ErrLongPhrase, "tokens"},
		"ten thousand":     {strings.Repeat("cup ", 10_000), ErrLongPhrase, "10000 words"},
		"many specials":    {strings.Repeat("[MASK]", 10_000), ErrLongPhrase, "10000 words"},
		"one endless word": {strings.Repeat("a", 1<<16), nil, ""}, // one [UNK], as for the trainer
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			p, err := b.Phrase(tt.text)
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err != nil {
				if s := err.Error(); !strings.Contains(s, tt.says) || len(s) > 250 || strings.Contains(s, "\n") {
					t.Errorf("error %q does not say %q in one short line", s, tt.says)
				}
				return
			}
			if p.Text != strings.TrimSpace(tt.text) || p.IDs[0] != b.tokens.cls || p.IDs[len(p.IDs)-1] != b.tokens.sep {
				t.Errorf("Phrase(%.20q) = %.60v", tt.text, p)
			}
		})
	}
}

func BenchmarkPhrase(b *testing.B) {
	bundle := bundle(b)
	for b.Loop() {
		if _, err := bundle.Phrase("the man in the red shirt furthest left"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWordsThatAreNotWholeInTheVocabulary(t *testing.T) {
	b := bundle(t)
	p, err := b.Phrase("the red Pantograph, 杯!")
	if err != nil {
		t.Fatal(err)
	}
	if p.Tokens() != len(p.IDs)-2 || p.Tokens() < 6 || len(p.Pieces()) != 1 || p.Pieces()[0] != "pantograph" {
		t.Errorf("%d tokens, in pieces %q, unknown %q", p.Tokens(), p.Pieces(), p.Unknown())
	}
	if p, err = b.Phrase("the " + strings.Repeat("x", 300)); err != nil || len(p.Unknown()) != 1 || len(p.Pieces()) != 0 || p.Tokens() != 2 {
		t.Errorf("%v: %d tokens, in pieces %q, unknown %q", err, p.Tokens(), p.Pieces(), p.Unknown())
	}
}
