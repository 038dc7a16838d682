package web

import (
	"slices"
	"testing"
	"time"
)

// TestEveryPhraseIsATarget: what is asked since the newest frame is searched for, in its
// place, and is not left out until the next one.
func TestEveryPhraseIsATarget(t *testing.T) {
	s, p := serve(t, nil)
	told := func() (all []string) {
		for _, target := range s.statusAt(time.Now(), false).Targets {
			all = append(all, target.Phrase+" "+target.State)
		}
		return all
	}
	for _, step := range []struct {
		asked []string
		frame bool
		want  []string
	}{
		{[]string{"a cup"}, false, []string{"a cup searching"}}, // no frame yet
		{[]string{"a cup"}, true, []string{"a cup locked"}},
		{[]string{"a dog", "a cup"}, false, []string{"a dog searching", "a cup locked"}},
		{[]string{"a dog"}, false, []string{"a dog searching"}},
		{nil, false, nil},
	} {
		if err := p.ask(step.asked); err != nil {
			t.Fatal(err)
		}
		if step.frame {
			frames(t, s, 1)
		}
		if got := told(); !slices.Equal(got, step.want) {
			t.Errorf("asked %q: %q, want %q", step.asked, got, step.want)
		}
	}
}
