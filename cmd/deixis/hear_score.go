package main

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"deixis/camera"
	"deixis/cmd/deixis/internal/app"
	"deixis/pipeline/listen"
)

// readTruth is what is said in which file, by base name; nil without a file.
func readTruth(file string) (map[string]string, error) {
	if file == "" {
		return nil, nil
	}
	f, err := camera.OpenRegular(file)
	if err != nil {
		return nil, fmt.Errorf("read --truth: %w", err)
	}
	defer f.Close()
	said := map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		at := strings.IndexAny(line, "\t ")
		if at < 0 {
			return nil, app.Input(fmt.Errorf("read --truth %s, line %d: %q has no words behind the name", file, n, line))
		}
		said[filepath.Base(line[:at])] = strings.TrimSpace(line[at:])
	}
	return said, lines.Err()
}

// A score counts what was misheard.
type score struct {
	files, exact int
	words, wrong int           // words said; changed, missing and added ones
	each         []float64     // ms an utterance
	audio, spent time.Duration // of all utterances
}

// figures are what `hear --truth --json` ends with.
type figures struct {
	Files      int        `json:"files"`
	Words      int        `json:"words"`
	WER        float64    `json:"wer"`   // word errors for each word said
	Exact      int        `json:"exact"` // files without one
	Utterances int        `json:"utterances"`
	MS         app.Spread `json:"ms"`  // an utterance
	RTF        float64    `json:"rtf"` // time for each second of utterances
}

func (s *score) took(t listen.Transcript) {
	s.each = append(s.each, app.MS(t.Took))
	s.audio += t.Audio
	s.spent += t.Took
}

// judge compares what was heard in a file with what was said in it.
func (s *score) judge(said map[string]string, name string, texts []string) error {
	want, ok := said[filepath.Base(name)]
	if !ok {
		return app.Input(fmt.Errorf("--truth says nothing of %s", filepath.Base(name)))
	}
	a, b := strings.Fields(listen.Normalise(want)), strings.Fields(listen.Normalise(strings.Join(texts, " ")))
	wrong := app.WordErrors(a, b)
	s.files++
	s.words += len(a)
	s.wrong += wrong
	if wrong == 0 {
		s.exact++
	}
	return nil
}

func (s *score) figures() figures {
	return figures{
		Files: s.files, Words: s.words, WER: float64(s.wrong) / float64(max(1, s.words)), Exact: s.exact,
		Utterances: len(s.each), MS: app.SpreadOf(s.each), RTF: s.spent.Seconds() / max(1e-9, s.audio.Seconds()),
	}
}

func (s *score) print(w io.Writer) error {
	f := s.figures()
	_, err := fmt.Fprintf(w, "%d files, %d words: word error rate %.1f %%, %d files without an error; an utterance takes %.0f ms (p50; p95 %.0f), %.3f of its length\n",
		f.Files, f.Words, 100*f.WER, f.Exact, f.MS.P50, f.MS.P95, f.RTF)
	return err
}
