package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"deixis/camera"
)

// SpeechFormat is the version of speech.json that this program reads.
const SpeechFormat = 1

// ErrSpeech says that there are no models to hear with, or that they are of no use.
var ErrSpeech = errors.New("no usable speech models")

// Speech describes the models that hear: a folder that `make speech` writes.
// Another recogniser of the same kind is another folder.
type Speech struct {
	Dir string `json:"-"`

	Format   int    `json:"format"`
	Kind     string `json:"kind"` // how its graphs go together; "moonshine"
	Name     string `json:"name"`
	Language string `json:"language"` // ISO 639-1
	Rate     int    `json:"rate"`     // samples a second

	Start           int64   `json:"start"`             // token that an utterance begins with
	End             int64   `json:"end"`               // and ends with
	Pad             float64 `json:"pad"`               // silence on each side, seconds
	MinLogProb      float64 `json:"min_logprob"`       // mean of a token; below it is no speech
	TokensPerSecond float64 `json:"tokens_per_second"` // an utterance has no more

	Files map[string]SpeechFile `json:"files"` // by SpeechParts

	Licences json.RawMessage `json:"licences"` // the rest informs, and the program does not read it
}

// SpeechFile is one file that speech.json vouches for.
type SpeechFile struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// SpeechParts are what a speech folder must hold.
var SpeechParts = []string{"encoder", "decoder", "tokenizer", "vad"}

// LoadSpeech reads a folder of speech models and compares every hash. Errors
// are ErrSpeech, and what File.check says.
func LoadSpeech(dir string) (*Speech, error) {
	raw, err := camera.ReadRegular(filepath.Join(dir, "speech.json"), MaxJSON)
	if err != nil {
		return nil, fmt.Errorf("%w: %w (run `make speech`)", ErrSpeech, err)
	}
	s := &Speech{Dir: dir}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("%w in %s: speech.json: %w", ErrSpeech, dir, err)
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("%w in %s: speech.json: %w", ErrSpeech, dir, err)
	}
	s.Name, s.Language = Printable(s.Name), Printable(s.Language)
	for _, part := range SpeechParts {
		f := File{s.Files[part].File, s.Files[part].SHA256}
		known := s.lists
		if part == "tokenizer" {
			known = nil // no graph
		}
		if err := f.check(dir, known); err != nil {
			return nil, fmt.Errorf("%w in %s: %w (run `make speech` again)", ErrSpeech, dir, err)
		}
	}
	return s, nil
}

// lists says whether a file is one of those with a hash.
func (s *Speech) lists(name string) bool {
	return slices.ContainsFunc(SpeechParts, func(part string) bool { return filepath.Clean(s.Files[part].File) == name })
}

// Path is where a part lies.
func (s *Speech) Path(part string) string { return filepath.Join(s.Dir, s.Files[part].File) }

func (s *Speech) validate() error {
	if s.Format != SpeechFormat {
		return fmt.Errorf("it has format %d, this program reads %d (run `make speech` of this version)", s.Format, SpeechFormat)
	}
	var errs []error
	if s.Kind != "moonshine" {
		errs = append(errs, fmt.Errorf("kind is %q; this program knows moonshine", s.Kind))
	}
	for _, part := range SpeechParts {
		f, ok := s.Files[part]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("files has no %q", part))
		case f.File != Printable(f.File) || len(f.File) > maxName:
			errs = append(errs, fmt.Errorf("files.%s: %.80q is no name for a file", part, f.File))
		case strings.HasSuffix(f.File, ".ort"): // a format of ONNX Runtime's own, which no check here can read
			errs = append(errs, fmt.Errorf("files.%s: %q is no .onnx file", part, f.File))
		}
	}
	if s.Name == "" || len(s.Name) > maxName || len(s.Language) > maxName {
		errs = append(errs, fmt.Errorf("name or language is empty or has more than %d bytes", maxName))
	}
	errs = append(errs, within("rate", s.Rate, 16000, 16000)) // what the VAD hears, and listen.Rate
	if s.Start < 0 || s.End < 0 || s.Start == s.End || max(s.Start, s.End) > maxDim {
		errs = append(errs, fmt.Errorf("start and end are tokens %d and %d", s.Start, s.End))
	}
	if !(s.Pad >= 0 && s.Pad <= 5) {
		errs = append(errs, fmt.Errorf("pad is %v s, not 0 to 5", s.Pad))
	}
	if !(s.TokensPerSecond > 0 && s.TokensPerSecond <= 100) {
		errs = append(errs, fmt.Errorf("tokens_per_second is %v, not above 0 to 100", s.TokensPerSecond))
	}
	if !(s.MinLogProb < 0 && s.MinLogProb >= -1000) {
		errs = append(errs, fmt.Errorf("min_logprob is %v, not -1000 to below 0", s.MinLogProb))
	}
	return errors.Join(errs...)
}
