package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"deixis/cmd/deixis/internal/app"
)

// explainCmd is `deixis explain`.
type explainCmd struct {
	Words []string `arg:"" optional:"" name:"code-or-words" help:"An exit code, or words of a line of the log (default: list all)."`
	JSON  bool     `help:"Print JSON."`
}

// Run says what a code or a line of the log means, and what to do.
func (c *explainCmd) Run(g *app.Globals) error {
	found, words := explanations, strings.Join(c.Words, " ")
	if words != "" {
		if found = explain(words); len(found) == 0 {
			return app.Usage(fmt.Errorf("explain %q: no code and no line of the log is like it (deixis explain lists all)", words))
		}
	}
	switch {
	case c.JSON:
		return app.WriteJSON(g.Stdout, found)
	case words == "":
		return list(g.Stdout, found)
	}
	for i, e := range found {
		if i > 0 {
			fmt.Fprintln(g.Stdout)
		}
		if _, err := fmt.Fprintf(g.Stdout, "%s\n  means: %s\n  do:    %s\n", e.title(), e.Means, e.Do); err != nil {
			return err
		}
	}
	return nil
}

// list writes a line each.
func list(w io.Writer, all []explanation) error {
	for _, e := range all {
		if _, err := fmt.Fprintln(w, e.title()); err != nil {
			return err
		}
	}
	return nil
}

func (e *explanation) title() string {
	if e.Code < 0 {
		return e.Says
	}
	return fmt.Sprintf("exit code %d: %s", e.Code, e.Says)
}

// mostLike is how many explanations are given of words that are in none as they are.
const mostLike = 3

// explain is what words, a code or a whole line of the log mean; those first that are most
// like them.
func explain(words string) []explanation {
	code, err := strconv.Atoi(strings.TrimSpace(words))
	var found []explanation
	for _, e := range explanations {
		if err == nil && e.Code == code && code >= 0 || err != nil && eitherIn(words, e.Says) {
			found = append(found, e)
		}
	}
	if err == nil || len(found) > 0 {
		return found
	}
	said := wordsOf(words)
	shared := func(e explanation) (n int) {
		for _, w := range wordsOf(e.Says) {
			if len(w) > 2 && slices.Contains(said, w) {
				n++
			}
		}
		return n
	}
	all := slices.Clone(explanations)
	slices.SortStableFunc(all, func(a, b explanation) int { return shared(b) - shared(a) })
	least := max(1, shared(all[0])) // those that are as much alike as the best
	all = slices.DeleteFunc(all, func(e explanation) bool { return shared(e) < least })
	return all[:min(len(all), mostLike)]
}

// eitherIn says whether one of two texts has the other in it, such as a whole line of the
// log its message.
func eitherIn(a, b string) bool {
	a, b = " "+strings.Join(wordsOf(a), " ")+" ", " "+strings.Join(wordsOf(b), " ")+" "
	return strings.Contains(a, b) || strings.Contains(b, strings.TrimRight(a, " "))
}

// wordsOf are the words of a text, in small letters.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
}
