package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	pieces "github.com/sugarme/tokenizer/model"
	"github.com/sugarme/tokenizer/model/wordpiece"

	"deixis/camera"
)

// tokenizer turns text into the ids of BERT's uncased WordPiece vocabulary, as
// the trainer's tokenizer does. Any goroutine may use it.
type tokenizer struct {
	pieces   wordpiece.WordPiece
	specials *regexp.Regexp   // tokens such as [MASK] that a text may spell out, in exactly this case
	ids      map[string]int64 // of the specials
	unknown  int64
	cls, sep int64
}

// tokenizerFile is the part of a tokenizer.json that matters here.
type tokenizerFile struct {
	AddedTokens []struct {
		ID         int64  `json:"id"`
		Content    string `json:"content"`
		Normalized bool   `json:"normalized"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
	} `json:"added_tokens"`
	Normalizer struct {
		Type         string `json:"type"`
		CleanText    bool   `json:"clean_text"`
		Chinese      bool   `json:"handle_chinese_chars"`
		StripAccents *bool  `json:"strip_accents"` // unset: as lowercase
		Lowercase    bool   `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	Model struct {
		Type     string       `json:"type"`
		Unknown  string       `json:"unk_token"`
		Prefix   string       `json:"continuing_subword_prefix"`
		MaxChars int          `json:"max_input_chars_per_word"`
		Vocab    pieces.Vocab `json:"vocab"`
	} `json:"model"`
}

// loadTokenizer reads a tokenizer.json of an uncased BERT and refuses others.
// Its truncation and padding are ignored: the bundle's limits rule.
func loadTokenizer(path string) (*tokenizer, error) {
	raw, err := camera.ReadRegular(path, MaxJSON)
	if err != nil {
		return nil, err
	}
	var f tokenizerFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("not a tokenizer.json: %w", err)
	}
	if err := f.validate(); err != nil {
		return nil, err
	}
	t := &tokenizer{pieces: wordpiece.NewWordPieceBuilder().
		Vocab(&f.Model.Vocab).UnkToken(f.Model.Unknown).
		ContinuingSubwordPrefix(f.Model.Prefix).MaxInputCharsPerWord(f.Model.MaxChars).Build()}
	t.ids = map[string]int64{}
	var exactly []string
	for _, a := range f.AddedTokens {
		t.ids[a.Content] = a.ID
		exactly = append(exactly, regexp.QuoteMeta(a.Content))
	}
	if t.specials, err = regexp.Compile(strings.Join(exactly, "|")); err != nil {
		return nil, err
	}
	t.specials.Longest()
	t.unknown = int64(f.Model.Vocab[f.Model.Unknown])
	t.cls, t.sep = int64(f.Model.Vocab["[CLS]"]), int64(f.Model.Vocab["[SEP]"])
	return t, nil
}

// validate refuses a tokenizer whose rules are not those of words and encode.
func (f *tokenizerFile) validate() error {
	n, m := f.Normalizer, f.Model
	var errs []error
	if n.Type != "BertNormalizer" || !n.CleanText || !n.Chinese || !n.Lowercase || n.StripAccents != nil && !*n.StripAccents {
		errs = append(errs, fmt.Errorf("normalizer %q is not that of an uncased BERT", n.Type))
	}
	if f.PreTokenizer.Type != "BertPreTokenizer" {
		errs = append(errs, fmt.Errorf("pre-tokenizer %q is not BERT's", f.PreTokenizer.Type))
	}
	if m.Type != "" && m.Type != "WordPiece" || m.MaxChars < 1 || m.MaxChars > maxDim {
		errs = append(errs, fmt.Errorf("model %q is not WordPiece", m.Type))
	}
	for _, need := range []string{m.Unknown, "[CLS]", "[SEP]"} {
		if _, ok := m.Vocab[need]; !ok {
			errs = append(errs, fmt.Errorf("vocabulary has no %q", need))
		}
	}
	for piece, id := range m.Vocab {
		if id < 0 || id >= maxDim {
			errs = append(errs, fmt.Errorf("token %.80q has number %d", piece, id))
			break
		}
	}
	if n := len(f.AddedTokens); n == 0 || n > maxFiles {
		return errors.Join(append(errs, fmt.Errorf("%d added tokens, not 1 to %d", n, maxFiles))...)
	}
	for _, a := range f.AddedTokens {
		if a.Content == "" || a.Normalized || a.SingleWord || a.LStrip || a.RStrip ||
			a.ID < 0 || a.ID >= maxDim || len(a.Content) > maxName {
			errs = append(errs, fmt.Errorf("added token %.80q has rules of its own", a.Content))
		}
	}
	return errors.Join(errs...)
}

// counts tell of the words of a text, punctuation and special tokens left out.
type counts struct {
	words   int
	pieces  []string // of them, those in more than one piece
	unknown []string
}

// encode gives the ids of text between [CLS] and [SEP], and how many there are
// without those two. A text of more than room words is not looked up, however
// long it is: then ids is nil and the number is that of its words and signs.
func (t *tokenizer) encode(text string, room int) (ids []int64, n int, seen counts) {
	var chunks []chunk
	from := 0
	plain := func(part string) {
		for _, w := range words(part) {
			chunks = append(chunks, chunk{word: w})
		}
	}
	for _, at := range t.specials.FindAllStringIndex(text, -1) {
		plain(text[from:at[0]])
		chunks = append(chunks, chunk{id: t.ids[text[at[0]:at[1]]]})
		from = at[1]
	}
	plain(text[from:])
	if len(chunks) > room {
		return nil, len(chunks), seen
	}
	ids = append(ids, t.cls)
	for _, c := range chunks {
		if c.word == "" {
			ids = append(ids, c.id)
			continue
		}
		pieces, _ := t.pieces.Tokenize(c.word) // fails only without [UNK], and validate saw that
		for _, p := range pieces {
			ids = append(ids, int64(p.Id))
		}
		if r, _ := utf8.DecodeRuneInString(c.word); isPunct(r) { // a sign is a word of its own
			continue
		}
		seen.words++
		switch {
		case len(pieces) == 1 && int64(pieces[0].Id) == t.unknown:
			seen.unknown = append(seen.unknown, c.word)
		case len(pieces) != 1:
			seen.pieces = append(seen.pieces, c.word)
		}
	}
	return append(ids, t.sep), len(ids) - 1, seen
}

// A chunk is a word still to be looked up, or the id of a special token.
type chunk struct {
	word string
	id   int64
}
