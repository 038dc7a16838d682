package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Fish is a script of fish's complete.
func Fish(app *kong.Application) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# fish completion of %[1]s, made from its flags
function __%[1]s_at --description 'whether the words so far have named this command'
	set -l at
	set -l skip 0
	for word in (commandline -opc)[2..]
		if test $skip = 1
			set skip 0
		else if contains -- $word %[2]s
			set skip 1
		else if contains -- (string join ' ' $at $word) %[3]s
			set -a at $word
		end
	end
	test "$at" = "$argv"
end
`, app.Name, strings.Join(valueFlags(app.Node), " "), quotedAll(paths(app), " "))
	for _, c := range append([]command{{Node: app.Node}}, commands(app.Node, "")...) {
		when := fmt.Sprintf("complete -c %s -n %q", app.Name, strings.TrimSpace("__"+app.Name+"_at "+c.path))
		for _, n := range children(c.Node) {
			fmt.Fprintf(&b, "%s -f -a %s -d %s\n", when, n.Name, fishQuoted(n.Help))
		}
		for _, f := range allFlags(c.Node) {
			fmt.Fprintf(&b, "%s%s -d %s\n", when, fishFlag(f), fishQuoted(f.Help))
			if f.Tag.Negatable != "" {
				fmt.Fprintf(&b, "%s -l no-%s -d %s\n", when, f.Name, fishQuoted(f.Help))
			}
		}
	}
	return b.String()
}

// fishFlag is f as arguments of complete.
func fishFlag(f *kong.Flag) string {
	s := " -l " + f.Name
	if f.Short != 0 {
		s = " -s " + string(f.Short) + s
	}
	if !takesValue(f) {
		return s
	}
	switch kind(f) {
	case oneOf:
		return s + " -x -a " + fishQuoted(strings.Join(f.EnumSlice(), " "))
	case aFolder:
		return s + " -x -a '(__fish_complete_directories)'"
	case aFile:
		return s + " -r -F"
	}
	return s + " -x"
}

// fishQuoted is s as one word of fish, in which a backslash keeps a quote.
func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", " ").Replace(s) + "'"
}
