package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"deixis/cmd/deixis/internal/app"
)

// written by `deixis config init`, as #key: value.
var commented = regexp.MustCompile(`(?m)^( *)#([a-z0-9-]+: .*)$`)

// everyKey is a new file, all of whose keys are set to their defaults.
func everyKey(t testing.TB) string {
	return commented.ReplaceAllString(must(t, "config", "init"), "$1$2")
}

// TestConfigInit: a new file has every flag of every subcommand, and with or without the
// signs before its keys it says what no file says.
func TestConfigInit(t *testing.T) {
	bare, all := written(t, "bare.yaml", must(t, "config", "init")), written(t, "all.yaml", everyKey(t))
	without, err := parseAgain([]string{"live"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{bare, all} {
		if out := must(t, "config", "check", file); !strings.Contains(out, "nothing is wrong") {
			t.Errorf("check says %s", out)
		}
		with, err := parseAgain([]string{"live", "--config", file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		with.Config, with.file = "", nil
		if !reflect.DeepEqual(with.Common, without.Common) || !reflect.DeepEqual(with.Live, without.Live) {
			t.Errorf("%s changes %+v\nto %+v", file, without.Live, with.Live)
		}
	}
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	text := must(t, "config", "init")
	var keys int
	for _, leaf := range parser.Model.Leaves(true) {
		if leaf.Parent.Name == "bundle" { // whose name is a key's
			continue
		}
		for _, f := range leaf.Flags {
			keys++
			if !strings.Contains(text, " #"+f.Name+": ") || !strings.Contains(text, strings.Fields(f.Help)[0]) {
				t.Errorf("--%s of %s is not in the file", f.Name, leaf.Path())
			}
		}
	}
	if keys < 100 {
		t.Errorf("only %d flags were looked at", keys)
	}
	file := filepath.Join(t.TempDir(), "new.yaml")
	must(t, "config", "init", file)
	if code, _, errs := deixis(t, "config", "init", file); code != app.ExitUsage || !strings.Contains(errs, "is kept") {
		t.Errorf("over a file: code %d, %s", code, errs)
	}
}

var (
	edits    = flag.Int("edits", 100, "how many random edits of a settings file TestConfigEdits makes")
	editSeed = flag.Uint64("edit-seed", 1, "and from which seed")
)

// An edit is one mistake in a settings file, on one of lines.
type edit struct {
	what  string
	text  string
	lines []int
	names string // what must be said besides
	plain bool   // a schema refuses it, too
}

// TestConfigEdits makes a hundred mistakes, one at a time, in a file with every key. Each
// is named with its line, and a program that is given the file does not start.
func TestConfigEdits(t *testing.T) {
	good, schema := everyKey(t), compiled(t)
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(*editSeed, 1))
	made := map[string]int{}
	for i := range *edits {
		e := mistake(t, r, good, parser.Model.Node)
		made[strings.Fields(e.what)[0]]++
		file := written(t, "c.yaml", e.text)
		code, out, _ := deixis(t, "config", "check", file)
		says, right := strings.TrimPrefix(strings.TrimSpace(out), file+": "), false
		for _, line := range e.lines {
			right = right || strings.HasPrefix(says, fmt.Sprintf("line %d: ", line))
		}
		if code != app.ExitUsage || !right || strings.Contains(says, "\n") || !strings.Contains(says, e.names) {
			t.Errorf("edit %d, %s: code %d, %q, want one problem on one of the lines %d", i, e.what, code, says, e.lines)
		}
		if testing.Verbose() {
			t.Logf("%-34s %s", e.what, says)
		}
		if e.plain && valid(t, schema, e.text) == nil {
			t.Errorf("edit %d, %s: the schema takes it", i, e.what)
		}
	}
	t.Logf("%d edits, each named by its line: %v", *edits, made)
	if len(made) < 8 && *edits >= 100 {
		t.Errorf("only %d kinds of mistake were made", len(made))
	}
}

// mistake makes one in a good file.
func mistake(t *testing.T, r *rand.Rand, good string, root *kong.Node) edit {
	t.Helper()
	lines, kind := strings.Split(good, "\n"), r.IntN(9)
	for {
		at := r.IntN(len(lines))
		m := regexp.MustCompile(`^( *)([a-z0-9-]+): (.*)$`).FindStringSubmatch(lines[at])
		if m == nil {
			continue
		}
		indent, key, old := m[1], m[2], m[3]
		f := flagAt(root, lines[:at], indent, key)
		if f == nil {
			t.Fatalf("no flag for line %d: %s", at+1, lines[at])
		}
		put := func(what, text string, plain bool) edit {
			all := slices.Concat(lines[:at], strings.Split(text, "\n"), lines[at+1:])
			return edit{what + " " + strings.TrimSpace(text), strings.Join(all, "\n"), []int{at + 1}, "", plain}
		}
		switch kind {
		case 0:
			n := r.IntN(len(key))
			strange := key[:n] + string(rune('a'+r.IntN(26))) + key[n:]
			if flagNamed(root, strange) == nil {
				return put("typo", indent+strange+": "+old, true)
			}
		case 1:
			wrong := map[reflect.Kind]string{reflect.Bool: "perhaps", reflect.Int: "many", reflect.Int64: "soon", reflect.Float64: "much", reflect.Float32: "1.5.2"}[f.Target.Kind()]
			if wrong == "" {
				wrong = []string{"{a: b}", "true"}[r.IntN(2)]
			}
			return put("type", indent+key+": "+wrong, key != "log-level") // which has no list of choices
		case 2:
			if wrong := beyond(f); wrong != "" {
				return put("range", indent+key+": "+wrong, f.Target.Type().String() != "time.Duration")
			}
		case 3:
			if f.Enum != "" {
				return put("choice", indent+key+": something-else", f.Target.Kind() != reflect.Slice)
			}
		case 4:
			e := put("twice", lines[at]+"\n"+lines[at], false)
			e.lines = []int{at + 2}
			return e
		case 5:
			return put("quote", indent+key+`: "never closed`, false)
		case 6:
			return put("bracket", indent+key+": [never, closed", false)
		case 7:
			e := put("indentation", indent+" "+lines[at], false)
			for next := at + 1; strings.HasSuffix(previous(lines, at), ":") && next < len(lines); next++ {
				if bare := strings.TrimSpace(lines[next]); bare != "" && bare[0] != '#' {
					// The first of a section may be anywhere: then the next is not as far in as it.
					e.lines, e.names = []int{next + 1}, fmt.Sprintf("as line %d)", at+1)
					break
				}
			}
			return e
		case 8:
			return conflict(t, r, lines)
		}
	}
}

// previous is the line with a key before line i.
func previous(lines []string, i int) string {
	for i--; i >= 0; i-- {
		if bare := strings.TrimSpace(lines[i]); bare != "" && bare[0] != '#' {
			return bare
		}
	}
	return ""
}

// conflict sets two things in the section of live that do not go together.
func conflict(t *testing.T, r *rand.Rand, lines []string) edit {
	t.Helper()
	all := [][]string{
		{"window: true", "headless: true"}, {"http-cert: a.pem"}, {"http-key: a.pem"}, {"listen-wake: [hello]"}, {"fov: 60", "camera-info: a.yaml", "follow: true"},
		{"confirm: true"}, {"mqtt-user: me"}, {"mqtt-ca: a.pem", "mqtt: mqtt://127.0.0.1"}, {"min-size: 0.5", "max-size: 0.2", "udp: [127.0.0.1:1]"},
		{"follow: true", "udp: [127.0.0.1:1]"}, {"zone: [\"0,0\"]", "udp: [127.0.0.1:1]"}, {"size: large"}, {"pixel-format: MJ"}, {"http-base: a b"},
	}
	set := all[r.IntN(len(all))]
	lines = slices.Clone(lines)
	e := edit{what: "conflict " + strings.Join(set, ", ")}
	live := slices.Index(lines, "live:")
	for _, one := range set {
		key, _, _ := strings.Cut(one, ":")
		at := live + slices.IndexFunc(lines[live:], func(l string) bool { return strings.HasPrefix(l, "  "+key+":") })
		if at < live {
			t.Fatalf("no key %s", key)
		}
		lines[at] = "  " + one
		e.lines = append(e.lines, at+1)
	}
	e.text = strings.Join(lines, "\n")
	return e
}

// flagAt is the flag that a line sets, from the sections that are open there.
func flagAt(root *kong.Node, before []string, indent, key string) *kong.Flag {
	node, in := root, len(indent)
	var path []string
	for _, l := range slices.Backward(before) {
		if m := regexp.MustCompile(`^( *)([a-z]+):$`).FindStringSubmatch(l); m != nil && len(m[1]) < in {
			path, in = append(path, m[2]), len(m[1])
		}
	}
	for _, name := range slices.Backward(path) {
		i := slices.IndexFunc(node.Children, func(c *kong.Node) bool { return c.Name == name })
		node = node.Children[i]
	}
	i := slices.IndexFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == key })
	if i < 0 {
		return nil
	}
	return node.Flags[i]
}

// flagNamed is any flag or section of a name.
func flagNamed(node *kong.Node, name string) any {
	for _, f := range node.Flags {
		if f.Name == name {
			return f
		}
	}
	for _, c := range node.Children {
		if c.Name == name {
			return c
		}
		if f := flagNamed(c, name); f != nil {
			return f
		}
	}
	return nil
}

// beyond is a value just out of a flag's bounds; "" where it has none.
func beyond(f *kong.Flag) string {
	low, high, above := f.Tag.Get("min"), f.Tag.Get("max"), f.Tag.Get("above")
	switch {
	case above != "":
		return above
	case high != "" && f.Target.Type().String() == "time.Duration":
		return "24h"
	case high != "":
		return high + "0"
	case low != "" && f.Target.Type().String() == "time.Duration":
		return "-1ms"
	case low != "":
		return "-1"
	}
	return ""
}

// TestConfigSays is what people read of common mistakes.
func TestConfigSays(t *testing.T) {
	for text, want := range map[string]string{
		"provder: cpu\n":                           "line 1: provder: no such key (do you mean provider?)",
		"live:\n  lock-scor: 0.5\n":                "line 2: live.lock-scor: no such key (do you mean lock-score?)",
		"# a\n\nannotate:\n  lock-score: 0.5\n":    "line 4: annotate.lock-score: no such key here (it belongs under live:)",
		"live:\n  lock-score: 1.5\n":               "line 2: live.lock-score: 1.5 is not from 0 to 1",
		"live:\n  lock-stale: 500\n":               `line 2: live.lock-stale: a time such as 500ms or 2s is needed here, not "500"`,
		"provider: gpu\n":                          `line 1: provider: "gpu" is none of auto, tensorrt, cuda, cpu (do you mean cpu?)`,
		"eval: true\n":                             `line 1: eval: it is a section: its keys stand below it, indented; not "true"`,
		"live:\n  mirror: {a: b}\n":                "line 2: live.mirror: true or false is needed here, not a section of keys",
		"a: 1\n---\nb: 2\n":                        "line 2: not YAML: a second document begins here (take the --- away)",
		"- a\n":                                    "line 1: not keys and values (write `provider: cpu`, say)",
		"gpu: 1\nlive:\n  gpu: 2\n  gpu: 3\n":      "line 4: live.gpu: given a second time (first on line 3)",
		"live:\n  window: true\n  headless: yes\n": "line 3",
		"live:\n  http-cert: a.pem\n":              "line 2: live.http-cert: --http-cert and --http-key go together: give both, or neither",
		"live:\n  udp: [x]\n  zone: [\"0,0\"]\n":   "line 3: live.zone: --zone: ",
	} {
		code, out, errs := deixis(t, "config", "check", written(t, "c.yaml", text))
		if code != app.ExitUsage || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%q: code %d, %s%s, want %s", text, code, out, errs, want)
		}
	}
	if code, _, errs := deixis(t, "config", "check", filepath.Join(t.TempDir(), "none.yaml")); code != app.ExitInput || strings.Count(errs, "\n") != 1 {
		t.Errorf("no file: code %d, %s", code, errs)
	}
	out := must2(t, app.ExitUsage, "config", "check", "--json", written(t, "c.yaml", "gpuu: 1\n"))
	wantKeys(t, out, "ok", "problems")
	if _, err := os.Stat("c.yaml"); err == nil {
		t.Error("a file was left in the working folder")
	}
}

// must2 is the standard output of a command line that ends with a code.
func must2(t *testing.T, want int, args ...string) string {
	t.Helper()
	code, out, errs := deixis(t, args...)
	if code != want {
		t.Fatalf("deixis %q ended with %d, want %d: %s", args, code, want, errs)
	}
	return out
}
