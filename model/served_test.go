package model

import (
	"strings"
	"testing"
)

func TestUnserved(t *testing.T) {
	b := bundle(t)
	const negation, counting, language = "negation", "counting", "English"
	for name, tt := range map[string]struct {
		phrase string
		want   []string
	}{
		"plain":             {"the red cup on the left", nil},
		"not":               {"the man who is not sitting", []string{negation}},
		"without":           {"man Without a hat", []string{negation}},
		"no":                {"the cup with no handle", []string{negation}},
		"isn't":             {"the dog that isn't black", []string{negation}},
		"doesn’t":           {"the dog that doesn’t bark", []string{negation}},
		"in a word":         {"the notebook on the northern knot", nil},
		"first to third":    {"the first, second, third, 1st, 2nd and 3rd cup", nil},
		"fourth":            {"fourth cup from the left", []string{counting}},
		"4th":               {"4TH cup", []string{counting}},
		"21st":              {"the 21st cup", []string{counting}},
		"twelfth":           {"twelfth man", []string{counting}},
		"0th":               {"the 0th cup", nil},
		"endless number":    {"the 99999999999999999999999th cup", nil},
		"no number":         {"the cloth of the moth, forth and north", nil},
		"cardinal":          {"the four cups on 5 tables", nil},
		"two at once":       {"the fourth man without a hat", []string{negation, counting}},
		"German":            {"die rote Tasse auf dem Tisch", []string{language}},
		"French":            {"la tasse rouge à gauche", []string{language}},
		"Italian":           {"il gatto sulla sedia", []string{language}},
		"Spanish":           {"la taza roja", []string{language}},
		"Polish":            {"czerwony kubek na stole", []string{language}},
		"Portuguese":        {"o copo vermelho", []string{language}},
		"Russian":           {"красная чашка слева", []string{language}},
		"Japanese":          {"赤いカップ", []string{language}},
		"Chinese":           {"红色的杯子", []string{language}},
		"Arabic":            {"الكوب الأحمر", []string{language}},
		"one Greek":         {"λ", []string{language}},
		"one rare word":     {"a giraffe", nil},
		"a rare word alone": {"broccoli", nil},
		"rare, in English":  {"the cocker spaniel with pom poms", nil},
		"accents":           {"the café", nil},
		"two words":         {"der Hund", nil}, // too short to tell
		"smile":             {"🙂 the cup", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := b.Phrase(tt.phrase)
			if err != nil {
				t.Fatal(err)
			}
			got := p.Unserved()
			if len(got) != len(tt.want) {
				t.Fatalf("%q: %q, want %q", tt.phrase, got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) || len(got[i]) > 120 || got[i] != Printable(got[i]) {
					t.Errorf("%q: %q, want %q", tt.phrase, got, tt.want)
				}
			}
		})
	}
}

// TestUnservedNamesTheWord: the line says which word is meant.
func TestUnservedNamesTheWord(t *testing.T) {
	b := bundle(t)
	for phrase, word := range map[string]string{"man without a hat": `"without"`, "the 5th cup": `"5th"`, "the sixth or seventh": `"sixth"`} {
		p, err := b.Phrase(phrase)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Unserved(); len(got) != 1 || !strings.HasPrefix(got[0], word+": ") {
			t.Errorf("%q: %q does not begin with %s", phrase, got, word)
		}
	}
}

// TestForeign holds the rule at its edges, without a vocabulary.
func TestForeign(t *testing.T) {
	for name, tt := range map[string]struct {
		text          string
		words, broken int
		want          bool
	}{
		"just enough":      {"x y z", 5, 2, true},
		"just too few":     {"x y z", 6, 2, false},
		"too short":        {"x y", 2, 2, false},
		"short enough":     {"x y z", 3, 2, true},
		"English word":     {"x y of", 3, 3, false},
		"another script":   {"x ж", 2, 0, true},
		"script, English":  {"the ж", 2, 0, true},
		"numbers, symbols": {"1 ² € 🙂", 4, 0, false},
	} {
		p := Phrase{Text: tt.text, words: tt.words, broken: tt.broken}
		if got := p.foreign(words(tt.text)); got != tt.want {
			t.Errorf("%s: foreign = %v", name, got)
		}
	}
}

// TestGoldenPhrasesAreServed: nobody is warned of the phrases that the trainer
// shows as examples.
func TestGoldenPhrasesAreServed(t *testing.T) {
	b := bundle(t)
	var golden struct {
		Answers []struct{ Phrase string }
	}
	readGolden(t, "answers.json", &golden)
	for _, a := range golden.Answers {
		p, err := b.Phrase(a.Phrase)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Unserved(); len(got) > 0 {
			t.Errorf("%q: %q", a.Phrase, got)
		}
	}
	if len(golden.Answers) == 0 {
		t.Error("no golden answers")
	}
}
