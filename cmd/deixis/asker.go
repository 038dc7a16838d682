package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"deixis/model"
	"deixis/pipeline"
)

// asker turns texts from the command line, the keyboard, the page and the
// window into what the line looks for.
type asker struct {
	by   *grounder
	line *pipeline.Live // nil until it is joined
	log  *slog.Logger
	mu   sync.Mutex // texts may come from several at once
}

// apart takes texts of the command line apart at their semicolons, as typed
// ones are. What holds no phrase becomes an empty one, to be refused.
func apart(texts []string) []string {
	var all []string
	for _, text := range texts {
		if some := pipeline.Split(text); len(some) > 0 {
			all = append(all, some...)
		} else {
			all = append(all, "")
		}
	}
	return all
}

// phrases are the texts as phrases. Errors are model.ErrEmptyPhrase,
// model.ErrLongPhrase and a usageError for too many.
func (a *asker) phrases(texts []string) ([]model.Phrase, error) {
	if most := a.by.Bundle.Limits.MaxPhrases; len(texts) > most {
		return nil, &usageError{fmt.Errorf("look for %d phrases: the model takes %d at once (leave some out)", len(texts), most)}
	}
	return a.by.Phrases(texts)
}

// ask replaces what the line looks for.
func (a *asker) ask(texts []string) error {
	if len(texts) == 0 {
		return fmt.Errorf("look for nothing: %w (type what to look for)", model.ErrEmptyPhrase)
	}
	return a.replace(texts)
}

// replace takes no texts, too: then nothing is looked for.
func (a *asker) replace(texts []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	ps, err := a.phrases(texts)
	if err != nil {
		return err
	}
	a.line.SetPhrases(ps)
	a.log.Info("looking for", "phrases", strings.Join(texts, "; "))
	return nil
}

// longestLine is how many bytes of typed phrases are taken at once.
const longestLine = 64 << 10

// listen takes phrases from in, a line each time, until in ends.
func (a *asker) listen(in io.Reader) {
	lines := bufio.NewReaderSize(in, longestLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		if more {
			for more && err == nil {
				_, more, err = lines.ReadLine()
			}
			a.log.Warn("phrase refused", "why", fmt.Sprintf("the line is longer than %d bytes", longestLine))
			continue
		}
		texts := pipeline.Split(string(line))
		if len(texts) == 0 {
			continue
		}
		if err := a.ask(texts); err != nil {
			a.log.Warn("phrase refused", "why", err)
		}
	}
}
