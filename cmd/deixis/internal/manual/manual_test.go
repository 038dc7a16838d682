package manual

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// grammar has one of everything that a command line can have.
type grammar struct {
	Common string `name:"common" placeholder:"FILE" help:"It's a [file]: of \"all\" commands."`

	Live struct {
		Source  string   `arg:"" optional:"" placeholder:"SOURCE" help:".begins with a dot"`
		Phrase  []string `short:"p" sep:"none" placeholder:"PHRASE" help:"What to look for."`
		Carry   bool     `default:"true" negatable:"" help:"Move boxes."`
		Backend string   `enum:"auto,cpu" default:"auto" help:"What runs it."`
		Secret  string   `hidden:"" help:"Nobody's."`
	} `cmd:"" help:"Show a camera."`
	Bench struct {
		Speed struct {
			Out string `placeholder:"DIR" help:"Where it's put; a \\ and a $$ stay."`
		} `cmd:"" help:"Measure speed."`
		Lag struct {
			Refs []string `arg:"" help:"Files."`
		} `cmd:"" help:"Measure lag."`
	} `cmd:"" help:"Measure."`
	Within struct{} `cmd:"" hidden:"" help:"Not told of."`
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	k, err := kong.New(&grammar{}, kong.Name("demo"), kong.Description("Shows.\n\nMore of it."), kong.DefaultEnvars("DEMO"))
	if err != nil {
		t.Fatal(err)
	}
	return k.Model
}

var about = About{Version: "1.2.3", Date: time.Unix(0, 0), Exits: []string{"Good.", "Bad."}, Files: [][2]string{{"/etc/demo", "Settings."}}}

// tool is where a program is; the test is skipped where there is none.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%v (apt-get install %s)", err, name)
	}
	return path
}

// output is what a program prints, with nothing on standard error.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errs strings.Builder
	cmd := exec.CommandContext(t.Context(), tool(t, name), args...)
	cmd.Stderr = &errs
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=200", "XDG_CONFIG_HOME="+t.TempDir(), "XDG_DATA_HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%s %q: %v: %s", name, args, err, errs.String())
	}
	return string(out)
}

func written(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, model(t), about); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWrite(t *testing.T) {
	dir := written(t)
	var got []string
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			got = append(got, rel)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"bash-completion/completions/demo", "fish/vendor_completions.d/demo.fish", "man/man1/demo-bench.1", "man/man1/demo-live.1", "man/man1/demo.1", "zsh/vendor-completions/_demo"}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	if err := Write(filepath.Join(dir, want[0]), model(t), about); err == nil {
		t.Error("a file took the place of a folder")
	}
}

// TestPages reads the pages with man.
func TestPages(t *testing.T) {
	dir := filepath.Join(written(t), "man", "man1")
	for page, says := range map[string][]string{
		"demo.1":       {"demo - Shows", "More of it.", "live", "Show a camera.", "--common=FILE", `It's a [file]: of "all" commands.`, "[DEMO_COMMON]", "1.2.3", "1970-01-01", "demo-bench(1)", "Bad.", "/etc/demo"},
		"demo-live.1":  {"demo live [options] [SOURCE]", ".begins with a dot", "-p, --phrase=PHRASE", "--carry, --no-carry", "[DEMO_CARRY]", "--backend=", "demo(1)"},
		"demo-bench.1": {"demo bench speed [options]", "demo bench lag [options] REFS...", "--out=DIR", `a \ and a $ stay`},
	} {
		text := output(t, "man", "--warnings=w", "-P", "cat", "-l", filepath.Join(dir, page))
		for _, s := range says {
			if !strings.Contains(strings.ReplaceAll(text, "‐", "-"), s) {
				t.Errorf("%s does not say %q:\n%s", page, s, text)
			}
		}
		if strings.Contains(text, "secret") || strings.Contains(text, "within") {
			t.Errorf("%s tells of what is hidden:\n%s", page, text)
		}
	}
}

// completions are command lines and what is offered at their ends.
var completions = map[string][]string{
	"demo ":                         {"bench", "live"},
	"demo be":                       {"bench"},
	"demo bench ":                   {"lag", "speed"},
	"demo --common bench ":          {"bench", "live"}, // it is a file's name there
	"demo live --ca":                {"--carry"},
	"demo live --no":                {"--no-carry"},
	"demo live --sec":               nil,
	"demo live -p bench --backend ": {"auto", "cpu"},
	"demo live --backend c":         {"cpu"},
	"demo bench speed --o":          {"--out"},
	"demo bench speed --com":        {"--common"},
}

func TestBash(t *testing.T) {
	script := filepath.Join(written(t), "bash-completion", "completions", "demo")
	offered := func(words ...string) []string {
		run := `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _demo; printf '%s\n' "${COMPREPLY[@]}"`
		got := strings.Fields(output(t, "bash", append([]string{"-c", run, "bash", script}, words...)...))
		slices.Sort(got)
		return got
	}
	for line, want := range completions {
		if got := offered(strings.Split(line, " ")...); !slices.Equal(got, want) {
			t.Errorf("%q offers %q, want %q", line, got, want)
		}
	}
	if got := offered("demo", "live", "--backend", "=", "c"); !slices.Equal(got, []string{"cpu"}) {
		t.Errorf("--backend=c offers %q", got)
	}
	if got := offered("demo", "live", "--backend", "="); !slices.Equal(got, []string{"auto", "cpu"}) {
		t.Errorf("--backend= offers %q", got)
	}
}

func TestFish(t *testing.T) {
	script := filepath.Join(written(t), "fish", "vendor_completions.d", "demo.fish")
	for line, want := range completions {
		var got []string
		for offer := range strings.Lines(output(t, "fish", "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, script, line)) {
			word, _, _ := strings.Cut(strings.TrimSpace(offer), "\t")
			got = append(got, word)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q offers %q, want %q", line, got, want)
		}
	}
}

// TestZsh has zsh's own functions print what they are called with: _arguments works
// inside its line editor only.
func TestZsh(t *testing.T) {
	script := filepath.Join(written(t), "zsh", "vendor-completions", "_demo")
	called := func(line string) string {
		run := `_describe() { print -r -l -- describe "${(@P)2}" }; _arguments() { print -r -l -- "$words[1] $CURRENT" "$@" }; _files() {}
			file=$1; shift; words=("$@"); CURRENT=$#; . $file`
		return output(t, "zsh", append([]string{"-f", "-c", run, "zsh", script}, strings.Split(line, " ")...)...)
	}
	for line, want := range map[string][]string{
		"demo ":               {"describe\nlive:Show a camera.\nbench:Measure.\n"},
		"demo bench ":         {"describe\nspeed:Measure speed.\nlag:Measure lag.\n"},
		"demo --common live ": {"describe\nlive:"},
		"demo live --c": {"live 2\n-s\n*-p+[What to look for.]:PHRASE:\n*--phrase=[What to look for.]:PHRASE:\n", "\n--no-carry[", "--backend=[What runs it.]:\"auto\":(auto cpu)",
			`--common=[It's a \[file\]\: of "all" commands.]:FILE:_files`, "*:file:_files"},
		"demo bench speed --o": {"speed 2\n", `--out=[Where it's put; a \ and a $ stay.]:DIR:_files -/`},
	} {
		got := called(line)
		for _, s := range want {
			if !strings.Contains(got, s) {
				t.Errorf("%q calls %q, want %q", line, got, s)
			}
		}
		if strings.Contains(got, "secret") || strings.Contains(got, "within") {
			t.Errorf("%q tells of what is hidden: %s", line, got)
		}
	}
}
