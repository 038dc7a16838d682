package pipeline

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"deixis/model"
)

// ErrManyPhrases says that more phrases were given than the model takes at once.
var ErrManyPhrases = errors.New("too many phrases")

// An Asker turns texts from the command line, the keyboard, the page and the window
// into what is looked for. Any goroutine may call its methods.
type Asker struct {
	Phrase func(text string) (model.Phrase, error) // as Bundle.Phrase
	Most   int                                     // phrases that the model takes at once
	Set    func(ps []model.Phrase)                 // replaces what is looked for
	Log    *slog.Logger                            // nil tells nothing of a phrase

	mu sync.Mutex // texts may come from several at once

	noting sync.Mutex
	notes  map[string][]string // of each phrase asked for lately: what of it is not served
}

// Phrases are the texts as phrases; what the weights cannot serve of one is told
// once. Errors are model.ErrEmptyPhrase, model.ErrLongPhrase and ErrManyPhrases.
func (a *Asker) Phrases(texts []string) ([]model.Phrase, error) {
	if len(texts) > a.Most {
		return nil, fmt.Errorf("look for %d phrases: the model takes %d at once (leave some out): %w", len(texts), a.Most, ErrManyPhrases)
	}
	ps := make([]model.Phrase, len(texts))
	for i, text := range texts {
		p, err := a.Phrase(text)
		if err != nil {
			return nil, err
		}
		ps[i] = p
	}
	for _, p := range ps {
		a.note(p)
	}
	return ps, nil
}

// mostNoted is how many phrases are remembered, so that each is told of once.
const mostNoted = 1000

// note tells what of p is not served, and remembers it.
func (a *Asker) note(p model.Phrase) {
	a.noting.Lock()
	defer a.noting.Unlock()
	if _, known := a.notes[p.Text]; known {
		return
	}
	if a.notes == nil || len(a.notes) >= mostNoted {
		a.notes = map[string][]string{}
	}
	unserved := p.Unserved()
	a.notes[p.Text] = unserved
	if len(unserved) > 0 && a.Log != nil {
		a.Log.Warn("this phrase asks for more than the weights can", "phrase", p.Text, "why", strings.Join(unserved, "; "))
	}
}

// Notes is what of a phrase asked for lately is not served, a short line each.
func (a *Asker) Notes(text string) []string {
	a.noting.Lock()
	defer a.noting.Unlock()
	return a.notes[text]
}

// Ask replaces what is looked for. Its errors are those of Phrases.
func (a *Asker) Ask(texts []string) error {
	if len(texts) == 0 {
		return fmt.Errorf("look for nothing: %w (type what to look for)", model.ErrEmptyPhrase)
	}
	return a.Replace(texts)
}

// Replace is Ask that takes no texts, too: then nothing is looked for.
func (a *Asker) Replace(texts []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	ps, err := a.Phrases(texts)
	if err != nil {
		return err
	}
	a.Set(ps)
	a.Log.Info("looking for", "phrases", strings.Join(texts, "; "))
	return nil
}

// longestLine is how many bytes of typed phrases are taken at once.
const longestLine = 64 << 10

// Listen takes phrases from in, a line each time, until in ends.
func (a *Asker) Listen(in io.Reader) {
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
			a.Log.Warn("phrase refused", "why", fmt.Sprintf("the line is longer than %d bytes", longestLine))
			continue
		}
		texts := Split(string(line))
		if len(texts) == 0 {
			continue
		}
		if err := a.Ask(texts); err != nil {
			a.Log.Warn("phrase refused", "why", err)
		}
	}
}

// Split takes a typed line apart at its semicolons: "the cup; the dog" are two
// phrases. A line of nothing else has none.
func Split(line string) []string {
	var texts []string
	for text := range strings.SplitSeq(line, ";") {
		if text = strings.TrimSpace(text); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// SplitAll takes each of several texts apart as Split does. One that holds no phrase
// becomes an empty one, to be refused.
func SplitAll(texts []string) []string {
	var all []string
	for _, text := range texts {
		if some := Split(text); len(some) > 0 {
			all = append(all, some...)
		} else {
			all = append(all, "")
		}
	}
	return all
}
