package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deixis/cmd/deixis/internal/app"
	"deixis/model"
	"deixis/pipeline"
	"deixis/pipeline/line"
	"deixis/pipeline/track"
	"deixis/pipeline/web"
)

// aShow is a show whose flags come from args, as far as settings need it.
func aShow(t *testing.T, args ...string) *show {
	t.Helper()
	again := func(set map[string]any) (*parsed, error) { return parseAgain(append([]string{"live"}, args...), set) }
	p, err := again(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Live.again = again
	s := &show{flags: &p.Live, g: &app.Globals{Log: slog.New(slog.DiscardHandler), Stderr: io.Discard}, line: line.New(line.Config{Rules: p.Live.Lock.rules()})}
	s.g.Logger()
	s.asker = &pipeline.Asker{Phrase: func(text string) (model.Phrase, error) {
		if strings.Contains(text, "bad") {
			return model.Phrase{}, model.ErrLongPhrase
		}
		return model.Phrase{Text: text}, nil
	}, Most: 4, Log: s.g.Log, Set: s.setPhrases}
	s.orders = &orders{asker: s.asker, locks: lateLine{s}, gate: &s.gate}
	if s.settings, err = newSettings(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// change writes a file anew.
func change(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestReload: what can change changes, the rest is named, and a wrong file changes nothing.
func TestReload(t *testing.T) {
	file := written(t, "c.yaml", "live:\n  lock-score: 0.5\n")
	s := aShow(t, "--config", file, "--lock-margin=0.3")
	if done, err := s.settings.Reload(); err != nil || len(done.Changed)+len(done.Restart) != 0 {
		t.Errorf("the same file: %+v, %v", done, err)
	}
	change(t, file, "log-level: debug\nlive:\n  lock-score: 0.6\n  lock-margin: 0.9\n  mirror: true\n  phrase: [a dog, a cup]\n  size: 640x480\n  record: a.mp4\n")
	done, err := s.settings.Reload()
	if err != nil || !slices.Equal(done.Changed, []string{"lock-score", "log-level", "mirror", "phrase"}) || !slices.Equal(done.Restart, []string{"record", "size"}) {
		t.Errorf("changed %q, restart %q, %v", done.Changed, done.Restart, err)
	}
	rules := track.DefaultRules
	rules.Score, rules.Margin = 0.6, 0.3 // the command line wins
	if got := s.line.Rules(); got != rules || !s.mirror.On() || !slices.Equal(s.line.Phrases(), []string{"a dog", "a cup"}) {
		t.Errorf("the rules are %+v, mirrored %v, phrases %q", got, s.mirror.On(), s.line.Phrases())
	}
	for text, want := range map[string]string{
		"live:\n  lock-score: 0.7\n  lock-stale: soon\n":                "line 3: live.lock-stale",
		"live:\n  lock-score: 0.7\n  window: true\n  headless: true\n":  "line 3: live.window",
		"live:\n  lock-score: 0.7\n  http-cert: a.pem\n":                "line 3: live.http-cert",
		"live:\n  lock-score: 0.7\n  colour: blue\n":                    "line 3: live.colour",
		"live:\n  lock-score: 0.7\n  phrase: [a, b, c, d, e]\n":         "phrase",
		"live:\n  lock-score: 0.7\n  phrase: bad\n":                     "phrase",
		"live: {lock-score: 0.7\n":                                      "line 1",
		"live:\n  lock-score: 0.7\n  http-base: a b\n  mirror: false\n": "line 3: live.http-base",
	} {
		change(t, file, text)
		if done, err := s.settings.Reload(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %+v, %v, want %s", text, done, err, want)
		}
		if got := s.line.Rules(); got != rules || !s.mirror.On() || len(s.line.Phrases()) != 2 {
			t.Fatalf("%q changed something: %+v, %q", text, got, s.line.Phrases())
		}
	}
	if _, err := aShow(t).settings.Reload(); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("without a file: %v", err)
	}
}

// TestChangeSettings: the page changes what it may, and saves it where there is a file.
func TestChangeSettings(t *testing.T) {
	const before = "# mine\nlive:\n  # how sure\n  lock-score: 0.5 # half\n\n  name: door\n"
	file := written(t, "c.yaml", before)
	s := aShow(t, "--config", file, "--lock-margin=0.3")
	value := func(key string) any {
		for _, one := range s.settings.Settings().Settings {
			if one.Key == key {
				return one.Value
			}
		}
		t.Fatalf("no setting %s", key)
		return nil
	}
	if done, err := s.settings.Change(map[string]any{"lock-score": 0.25, "lock-stale": "3s", "mirror": true}, false); err != nil || len(done.Changed) != 3 || done.Saved {
		t.Errorf("%+v, %v", done, err)
	}
	if r := s.line.Rules(); r.Score != 0.25 || r.Stale.Seconds() != 3 || r.Margin != 0.3 || !s.mirror.On() || value("lock-score") != 0.25 || value("lock-stale") != "3s" {
		t.Errorf("the rules are %+v", r)
	}
	s.mirror.Toggle() // by the page's button
	if value("mirror") != false {
		t.Error("the button's change is not known")
	}
	for want, set := range map[string]map[string]any{
		"not from 0 to 1": {"lock-score": 7.0}, "a time such as": {"lock-stale": "soon"}, "must be saved": {"size": "640x480"}, "no setting": {"http-token": "x"},
		"true or false": {"mirror": "perhaps"}, "a number": {"lock-score": "much"}, "/api/settings": {"lock-score": 0.3, "record": "/tmp/x.mp4"},
	} {
		if _, err := s.settings.Change(set, false); err == nil || !strings.Contains(err.Error(), want) || s.line.Rules().Score != 0.25 {
			t.Errorf("%v: %v, want %s", set, err, want)
		}
	}
	if _, err := s.settings.Change(map[string]any{"size": "large"}, true); err == nil || !strings.Contains(err.Error(), "--size") {
		t.Errorf("a size that is none: %v", err)
	}
	if now, _ := os.ReadFile(file); string(now) != before {
		t.Errorf("the file is now\n%s", now)
	}
}

// TestSaveSettings: what is saved stands in the file, whose comments stay; the command line
// wins at the next start, and that is told.
func TestSaveSettings(t *testing.T) {
	file := written(t, "c.yaml", "# mine\nlive:\n  # how sure\n  lock-score: 0.5 # half\n\n  name: door\n")
	s := aShow(t, "--config", file, "--lock-margin=0.3")
	done, err := s.settings.Change(map[string]any{"lock-score": 0.75, "size": "640x480", "lock-margin": 0.2}, true)
	if err != nil || !done.Saved || !slices.Equal(done.Restart, []string{"size"}) || !slices.Equal(done.Overruled, []string{"lock-margin"}) {
		t.Errorf("%+v, %v", done, err)
	}
	if now, _ := os.ReadFile(file); string(now) != "# mine\nlive:\n  lock-margin: 0.2\n  size: 640x480\n  # how sure\n  lock-score: 0.75 # half\n\n  name: door\n" &&
		string(now) != "# mine\nlive:\n  size: 640x480\n  lock-margin: 0.2\n  # how sure\n  lock-score: 0.75 # half\n\n  name: door\n" {
		t.Errorf("the file is now\n%s", now)
	}
	if s.line.Rules().Margin != 0.2 || !slices.ContainsFunc(s.settings.Settings().Settings, func(one web.Setting) bool { return one.Key == "size" && one.Value == "640x480" }) {
		t.Errorf("rules %+v", s.line.Rules())
	}
	if os.Geteuid() != 0 { // whom nothing stops
		if err := os.Chmod(filepath.Dir(file), 0o500); err != nil {
			t.Fatal(err)
		}
		if _, err := s.settings.Change(map[string]any{"lock-score": 0.1}, true); err == nil || s.line.Rules().Score != 0.75 {
			t.Errorf("a folder that cannot be written: %v", err)
		}
	}
	bare := aShow(t)
	if _, err := bare.settings.Change(map[string]any{"lock-score": 0.1}, true); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("saving without a file: %v", err)
	}
	if _, err := bare.settings.Change(map[string]any{"lock-score": 0.1}, false); err != nil || bare.line.Rules().Score != 0.1 {
		t.Errorf("changing without a file: %v", err)
	}
}

// TestEverySettingIsAFlag: what is listed by name is there, and can be shown.
func TestEverySettingIsAFlag(t *testing.T) {
	p, err := parseAgain([]string{"live"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name := range whileRunning {
		if p.flags[name] == nil {
			t.Errorf("--%s is no flag", name)
		}
	}
	all := aShow(t).settings.Settings().Settings
	if len(all) != len(onPage) {
		t.Errorf("%d settings", len(all))
	}
	for _, s := range all {
		if s.Kind == "list" || s.Help == "" {
			t.Errorf("%+v cannot be shown", s)
		}
	}
}
