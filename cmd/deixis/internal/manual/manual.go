// Package manual makes man pages and shell completions from the program's flags, so
// that they cannot say anything else.
package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// About is what a page says besides the flags.
type About struct {
	Version string
	Date    time.Time   // of the pages
	Files   [][2]string // names and what they are
	Exits   []string    // by exit code: what it means
}

// Write writes everything into dir as into /usr/share: man/man1, and where bash, zsh
// and fish look for completions.
func Write(dir string, app *kong.Application, about About) error {
	files := map[string]string{
		filepath.Join("bash-completion", "completions", app.Name):       Bash(app),
		filepath.Join("zsh", "vendor-completions", "_"+app.Name):        Zsh(app),
		filepath.Join("fish", "vendor_completions.d", app.Name+".fish"): Fish(app),
	}
	for name, page := range Pages(app, about) {
		files[filepath.Join("man", "man1", name)] = page
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("write the manual: %w", err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the manual: %w", err)
		}
	}
	return nil
}

// A command is a subcommand that is shown, with its way down from the program.
type command struct {
	*kong.Node
	path string // "bench speed"
}

// commands are those below node, depth first, each before its own.
func commands(node *kong.Node, path string) []command {
	var all []command
	for _, c := range children(node) {
		below := strings.TrimSpace(path + " " + c.Name)
		all = append(all, command{c, below})
		all = append(all, commands(c, below)...)
	}
	return all
}

func children(node *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(node.Children), func(c *kong.Node) bool { return c.Hidden || c.Type != kong.CommandNode })
}

// flags are those of node itself that are shown.
func flags(node *kong.Node) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(node.Flags), func(f *kong.Flag) bool { return f.Hidden })
}

// allFlags are those that node takes, its own first.
func allFlags(node *kong.Node) []*kong.Flag {
	var all []*kong.Flag
	for n := node; n != nil; n = n.Parent {
		all = append(all, flags(n)...)
	}
	return all
}

// takesValue says whether the flag is followed by a value.
func takesValue(f *kong.Flag) bool { return !f.IsBool() && !f.IsCounter() }

// spellings are all ways to write f: "-p", "--phrase", "--no-carry".
func spellings(f *kong.Flag) []string {
	var all []string
	if f.Short != 0 {
		all = append(all, "-"+string(f.Short))
	}
	all = append(all, "--"+f.Name)
	if f.Tag.Negatable != "" {
		all = append(all, "--no-"+f.Name)
	}
	return all
}

// valueFlags are the spellings of all flags below node that are followed by a value,
// each once.
func valueFlags(node *kong.Node) []string {
	var all []string
	for _, n := range append([]command{{Node: node}}, commands(node, "")...) {
		for _, f := range flags(n.Node) {
			if takesValue(f) {
				all = append(all, spellings(f)...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// paths are the ways down to all commands.
func paths(app *kong.Application) []string {
	var all []string
	for _, c := range commands(app.Node, "") {
		all = append(all, c.path)
	}
	return all
}

// What the value of a flag names.
const (
	anything = iota
	aFile
	aFolder
	oneOf // its Enum
)

// kind is what the value of f names, by its enum and the name of its value.
func kind(f *kong.Flag) int {
	switch {
	case f.Enum != "":
		return oneOf
	case strings.HasPrefix(f.PlaceHolder, "FILE"):
		return aFile
	case f.PlaceHolder == "DIR":
		return aFolder
	}
	return anything
}
