package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"deixis/model"
)

// asking is an Asker of two phrases at most, which refuses "bad" and notes what is
// looked for and what it logs.
func asking() (a *Asker, asked *[][]string, log *bytes.Buffer) {
	asked, log = new([][]string), new(bytes.Buffer)
	return &Asker{
		Phrase: func(text string) (model.Phrase, error) {
			if text == "" || text == "bad" {
				return model.Phrase{}, model.ErrEmptyPhrase
			}
			return model.Phrase{Text: text}, nil
		},
		Most: 2,
		Set: func(ps []model.Phrase) {
			texts := []string{}
			for _, p := range ps {
				texts = append(texts, p.Text)
			}
			*asked = append(*asked, texts)
		},
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}, asked, log
}

func TestAsk(t *testing.T) {
	for name, tt := range map[string]struct {
		texts []string
		want  error
	}{
		"one":             {[]string{"a cup"}, nil},
		"as many as fit":  {[]string{"a cup", "a dog"}, nil},
		"one too many":    {[]string{"a", "b", "c"}, ErrManyPhrases},
		"one is refused":  {[]string{"a cup", "bad"}, model.ErrEmptyPhrase},
		"nothing at all":  {nil, model.ErrEmptyPhrase},
		"nothing between": {[]string{""}, model.ErrEmptyPhrase},
	} {
		a, asked, _ := asking()
		if err := a.Ask(tt.texts); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		switch {
		case tt.want != nil && len(*asked) > 0:
			t.Errorf("%s: refused, and looked for %q", name, *asked)
		case tt.want == nil && (len(*asked) != 1 || !slices.Equal((*asked)[0], tt.texts)):
			t.Errorf("%s: looked for %q", name, *asked)
		}
	}
}

func TestReplaceByNothing(t *testing.T) {
	a, asked, _ := asking()
	if err := a.Replace(nil); err != nil || len(*asked) != 1 || len((*asked)[0]) != 0 {
		t.Errorf("%v, looked for %q", err, *asked)
	}
}

// Lines come as a person types them: one that is refused, or has no end in sight,
// costs only itself.
func TestListen(t *testing.T) {
	long := strings.Repeat("x", 3*longestLine)
	in := strings.Join([]string{"a cup; a dog ;", "", " ; ", "bad", long, "a; b; c", "a bird", "the end"}, "\n")
	a, asked, log := asking()
	a.Listen(strings.NewReader(in))
	want := [][]string{{"a cup", "a dog"}, {"a bird"}, {"the end"}}
	if !slices.EqualFunc(*asked, want, slices.Equal[[]string]) {
		t.Errorf("looked for %q, want %q", *asked, want)
	}
	if n := strings.Count(log.String(), "phrase refused"); n != 3 {
		t.Errorf("%d lines refused, want 3 (bad, too long, too many): %s", n, log)
	}
	if !strings.Contains(log.String(), "65536 bytes") {
		t.Errorf("the limit of a line is not said: %s", log)
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"": nil, " ; ;": nil, "cup": {"cup"}, " the cup ; the dog;": {"the cup", "the dog"},
	} {
		if got := Split(line); !slices.Equal(got, want) {
			t.Errorf("Split(%q) = %q, want %q", line, got, want)
		}
	}
	if got, want := SplitAll([]string{"a; b", " ;", "c"}), []string{"a", "b", "", "c"}; !slices.Equal(got, want) {
		t.Errorf("SplitAll = %q, want %q", got, want)
	}
}

// TestAskTellsWhatIsNotServed: once, and for as long as it is looked for.
func TestAskTellsWhatIsNotServed(t *testing.T) {
	a, _, log := asking()
	for _, texts := range [][]string{{"a cup"}, {"the cup that is not red", "a dog"}, {"a dog"}, {"the cup that is not red"}} {
		if err := a.Ask(texts); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "negation") {
		t.Errorf("%d warnings, want one:\n%s", n, log)
	}
	if got := a.Notes("the cup that is not red"); len(got) != 1 || !strings.Contains(got[0], "negation") {
		t.Errorf("notes %q", got)
	}
	if got := a.Notes("a dog"); len(got) > 0 {
		t.Errorf("notes %q of a phrase that is served", got)
	}
	for n := range 3 * mostNoted {
		a.Ask([]string{fmt.Sprint("no cup ", n)})
	}
	if len(a.notes) > mostNoted {
		t.Errorf("%d phrases are remembered", len(a.notes))
	}
}
