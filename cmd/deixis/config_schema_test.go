package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"deixis/cmd/deixis/internal/app"
)

// compiled is the schema, read by a library that knows JSON Schema.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(must(t, "config", "schema")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("deixis.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("deixis.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid holds a file against the schema.
func valid(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// TestConfigSchema: an editor takes what the program takes.
func TestConfigSchema(t *testing.T) {
	s := compiled(t)
	for name, text := range map[string]string{
		"bare": must(t, "config", "init"), "every key": everyKey(t),
		"some": "provider: cpu\nphrase: the dog\nlive:\n  phrase: [a, b]\n  lock-stale: 500ms\n  lock-lost-for: 0\n  name: 7\nbench:\n  lag:\n    seconds: 3\n",
	} {
		if err := valid(t, s, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if code, out, errs := deixis(t, "config", "check", written(t, "c.yaml", text)); code != app.ExitOK {
			t.Errorf("%s: %s%s", name, out, errs)
		}
	}
}

// TestConfigLimits: what a file may not say, the command line may not either.
func TestConfigLimits(t *testing.T) {
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, leaf := range parser.Model.Leaves(true) {
		for _, f := range slices.Concat(parser.Model.Flags, leaf.Flags) {
			wrong := beyond(f)
			if wrong == "" {
				continue
			}
			looked++
			args := strings.Fields(leaf.Path())
			for _, p := range leaf.Positional {
				if p.Required {
					args = append(args, "x")
				}
			}
			if leaf.Path() == "annotate" {
				args = append(args, "--out", t.TempDir())
			}
			code, _, errs := deixis(t, append(args, "--"+f.Name+"="+wrong)...)
			if code != app.ExitUsage || !strings.Contains(errs, "--"+f.Name) || strings.Count(errs, "\n") != 1 {
				t.Errorf("%s --%s=%s: code %d, %s", leaf.Path(), f.Name, wrong, code, errs)
			}
		}
	}
	if looked < 50 {
		t.Errorf("only %d bounds were tried", looked)
	}
}
