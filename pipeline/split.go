package pipeline

import "strings"

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
