package speech

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"deixis/camera"
)

// A vocabulary turns tokens into text.
type vocabulary [][]byte

// maxVocabulary bounds a tokenizer.bin, bytes.
const maxVocabulary = 16 << 20

// openVocabulary reads a tokenizer.bin: entry after entry, each its length (one
// byte, or from 128 on two: the rest and how many 128s) and its bytes.
func openVocabulary(name string) (vocabulary, error) {
	raw, err := camera.ReadRegular(name, maxVocabulary)
	if err != nil {
		return nil, fmt.Errorf("read vocabulary: %w", err)
	}
	v, err := parseVocabulary(raw)
	if err != nil {
		return nil, fmt.Errorf("read vocabulary %s: %w", name, err)
	}
	return v, nil
}

func parseVocabulary(raw []byte) (vocabulary, error) {
	var v vocabulary
	for at := 0; at < len(raw); {
		n := int(raw[at])
		at++
		if n >= 128 {
			if at == len(raw) {
				return nil, fmt.Errorf("it ends inside the length of entry %d", len(v))
			}
			n += 128*int(raw[at]) - 128
			at++
		}
		if n > len(raw)-at {
			return nil, fmt.Errorf("it ends inside entry %d", len(v))
		}
		v = append(v, raw[at:at+n])
		at += n
	}
	if len(v) == 0 {
		return nil, errors.New("it is empty")
	}
	return v, nil
}

// space is how the vocabulary writes a space.
const space = "\u2581"

// text joins tokens, without marks such as <s> and those that it does not know.
func (v vocabulary) text(tokens []int64) string {
	var b strings.Builder
	for _, t := range tokens {
		if t < 0 || t >= int64(len(v)) {
			continue
		}
		if e := v[t]; len(e) < 2 || e[0] != '<' || e[len(e)-1] != '>' {
			b.Write(e)
		} else if c, ok := byteOf(e); ok {
			b.WriteByte(c)
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(b.String(), space, " "), ""))
}

// key is a text in lower case without signs, but with its spaces.
func (v vocabulary) key(tokens []int64) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' || r == '\'' {
			return unicode.ToLower(r)
		}
		return -1
	}, v.text(tokens))
}

// byteOf is the byte that an entry such as <0x41> stands for.
func byteOf(entry []byte) (byte, bool) {
	var c byte
	n, err := fmt.Sscanf(string(entry), "<0x%02X>", &c)
	return c, n == 1 && err == nil && len(entry) == 6
}
