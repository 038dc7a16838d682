package service

import (
	"fmt"
	"strings"
	"time"

	"deixis/pipeline"
)

// A Look is what is seen of a line at one moment.
type Look struct {
	At      time.Time
	Done    pipeline.Stats
	Phrases []string // looked for
	Source  string   // as the log names it
	Away    bool     // the source is known to be away, and tried again
	Paused  bool     // somebody stopped the picture
}

// A Pulse judges whether a line is alive by what it has done between two looks.
type Pulse struct{ before Look }

// Judge says whether every stage that had work has done some since the last look, and
// in a line what the program does, or which stage stands.
func (p *Pulse) Judge(now Look) (alive bool, status string) {
	before := p.before
	p.before = now
	took := now.At.Sub(before.At)
	frames := now.Done.Captured - before.Done.Captured
	answers := now.Done.Answered - before.Done.Answered
	failed := now.Done.Unanswered - before.Done.Unanswered
	asked := len(before.Phrases) > 0 && len(now.Phrases) > 0
	switch {
	case now.Away:
		return true, "waiting for " + now.Source
	case now.Paused:
		return true, "paused; " + goal(now.Phrases)
	case before.Away || before.Paused:
		return true, "goes on; " + goal(now.Phrases)
	case frames == 0:
		return false, fmt.Sprintf("no frame of %s for %v", now.Source, took.Round(time.Second))
	case now.Done.Shown == before.Done.Shown:
		return false, fmt.Sprintf("no frame was shown for %v", took.Round(time.Second))
	case asked && answers == 0 && failed == 0:
		return false, fmt.Sprintf("the network gave no answer for %v", took.Round(time.Second))
	}
	status = fmt.Sprintf("%s, %.1f frames", now.Source, float64(frames)/took.Seconds())
	if asked {
		status += fmt.Sprintf(" and %.1f answers", float64(answers)/took.Seconds())
	}
	return true, status + " a second; " + goal(now.Phrases)
}

func goal(phrases []string) string {
	if len(phrases) == 0 {
		return "nothing is looked for"
	}
	return "looks for " + strings.Join(phrases, "; ")
}
